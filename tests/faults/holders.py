"""Which process wrote to which job: every claim, and every note and beat of a process that did not claim the job last.

A process of a site is known to PostgreSQL by the `application_name` of its connections, which no two processes share. What
an attempt writes to a job that another attempt of the same process has claimed since is not told apart.
"""

from __future__ import annotations

WITNESSED = """
CREATE TRIGGER fault_claimed AFTER UPDATE ON {table} FOR EACH ROW
    WHEN (NEW.lease_owner IS NOT NULL AND OLD.claimed_at IS DISTINCT FROM NEW.claimed_at)
    EXECUTE FUNCTION fault_claimed();
CREATE TRIGGER fault_written AFTER UPDATE ON {table} FOR EACH ROW
    WHEN (OLD.version = NEW.version AND OLD.cancel_requested_at IS NOT DISTINCT FROM NEW.cancel_requested_at)
    EXECUTE FUNCTION fault_written();"""
# The claim's row is written under the job's row lock, so that nobody waits here who would not have waited there.
INSTALL = """
CREATE TABLE fault_claims (job_id uuid PRIMARY KEY, process text NOT NULL);
CREATE TABLE fault_late_writes (job_id uuid NOT NULL, version integer NOT NULL, writer text NOT NULL, holder text);
CREATE FUNCTION fault_claimed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO fault_claims VALUES (NEW.id, current_setting('application_name'))
    ON CONFLICT (job_id) DO UPDATE SET process = excluded.process;
    RETURN NULL;
END $$;
CREATE FUNCTION fault_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    writer text := current_setting('application_name');
    holder text := (SELECT process FROM fault_claims WHERE job_id = NEW.id AND NEW.lease_owner IS NOT NULL);
BEGIN
    IF writer LIKE 'worker%' AND writer IS DISTINCT FROM holder THEN
        INSERT INTO fault_late_writes VALUES (NEW.id, NEW.version, writer, holder);
    END IF;
    RETURN NULL;
END $$;""" + "".join(WITNESSED.format(table=table) for table in ("executions", "image_tasks"))


def named(url: str, process: str) -> str:
    """The address of a database, for connections that tell whose they are."""
    return f"{url}{'&' if '?' in url else '?'}application_name={process}"
