"""The DDL that makes the database refuse illegal changes and record legal ones, generated from the machines.

Migrations hold the text this module made on the day they were written; tests compare the two.
SQLSTATEs: MP001 illegal edge, MP002 wrong version step, MP003 changed id, MP004 progress that falls,
MP005 append-only table.
"""

from __future__ import annotations

from milepost.db.tables import in_list
from milepost.domain.machine import TERMINAL, Phase, StateMachine

# The recorders are called with groups of any size, and their plans must be good for all of them: made once
# (force_generic_plan, else the foreign key's own look-up would be planned anew for every row), never a nested loop
# over two groups, never a scan of the whole job table.
RECORDER = """
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_nestloop = off
    SET enable_seqscan = off
"""

APPEND_ONLY = """
CREATE FUNCTION prevent_audit_log_modification() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION '% table does not allow TRUNCATE', TG_TABLE_NAME USING ERRCODE = 'MP005';
    END IF;
    RAISE EXCEPTION '% table does not allow UPDATE or DELETE', TG_TABLE_NAME USING ERRCODE = 'MP005';
END
$$;

CREATE FUNCTION prevent_history_modification() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% rows leave only with their job: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'MP005';
END
$$;
"""

UPDATED_AT = """
CREATE FUNCTION update_updated_at_column() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END
$$;
"""

# The row guard asks no table: a look-up for each row would double the cost of a change. Whether an edge is legal is
# asked once for the whole statement, by the recorder, which calls refuse_transition() for a row that has no edge.
GUARD = """
CREATE FUNCTION refuse_transition(kind text, id uuid, from_status text, to_status text) RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% % may not go from % to %', kind, id, from_status, to_status USING ERRCODE = 'MP001';
END
$$;

CREATE FUNCTION guard_job() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'the id of a job never changes' USING ERRCODE = 'MP003';
    END IF;
    IF NEW.status = OLD.status THEN
        IF NEW.version <> OLD.version THEN
            RAISE EXCEPTION 'version % of % may only change with its status', OLD.version, OLD.id
                USING ERRCODE = 'MP002';
        END IF;
        RAISE EXCEPTION 'progress of % may not fall from % to %', OLD.id, OLD.progress, NEW.progress
            USING ERRCODE = 'MP004';
    END IF;
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'version of % must go from % to %, not to %', OLD.id, OLD.version, OLD.version + 1, NEW.version
            USING ERRCODE = 'MP002';
    END IF;
    IF NEW.status_actor = OLD.status_actor AND NEW.status_reason IS NOT DISTINCT FROM OLD.status_reason THEN
        NEW.status_actor := 'db:' || session_user;
        NEW.status_reason := NULL;
    END IF;
    RETURN NEW;
END
$$;
"""


def append_only(table: str) -> str:
    """Row and TRUNCATE triggers that refuse every change of what was written."""
    return f"""
CREATE TRIGGER prevent_{table}_modification BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION prevent_audit_log_modification();
CREATE TRIGGER prevent_{table}_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION prevent_audit_log_modification();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER prevent_{table}_modification;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER prevent_{table}_truncate;
"""


def partitions(table: str, kind: str) -> str:
    """A kind's partitions of the shared history, each with its own foreign key and triggers."""
    history, files = f"status_transitions_{table}", f"artifacts_{table}"
    return f"""
CREATE TABLE {history} PARTITION OF status_transitions FOR VALUES IN ('{kind}');
ALTER TABLE {history} ADD CONSTRAINT fk_{history}_job_id_{table}
    FOREIGN KEY (job_id) REFERENCES {table} (id) ON DELETE CASCADE;
CREATE TRIGGER prevent_{history}_update BEFORE UPDATE ON {history}
    FOR EACH ROW EXECUTE FUNCTION prevent_history_modification();
CREATE TRIGGER prevent_{history}_truncate BEFORE TRUNCATE ON {history}
    FOR EACH STATEMENT EXECUTE FUNCTION prevent_history_modification();
ALTER TABLE {history} ENABLE ALWAYS TRIGGER prevent_{history}_update;
ALTER TABLE {history} ENABLE ALWAYS TRIGGER prevent_{history}_truncate;

CREATE TABLE {files} PARTITION OF artifacts FOR VALUES IN ('{kind}');
ALTER TABLE {files} ADD CONSTRAINT fk_{files}_job_id_{table}
    FOREIGN KEY (job_id) REFERENCES {table} (id) ON DELETE CASCADE;
"""


def legal_transitions(machine: StateMachine) -> str:
    """Rewrites the kind's rows of `legal_transitions`."""
    rows = ",\n".join(
        f"    ('{machine.kind}', '{start}', '{end}', '{machine.phase(end)}')" for start, end in sorted(machine.pairs())
    )
    return f"""
DELETE FROM legal_transitions WHERE job_kind = '{machine.kind}';
INSERT INTO legal_transitions (job_kind, from_status, to_status, to_phase) VALUES
{rows};
"""


def triggers(table: str, machine: StateMachine) -> str:
    """Guard, recorders and the updated_at trigger of one job table."""
    always = ("guard", "record_{0}_insert", "record_{0}_update", "record_{0}_delete")
    names = ["guard_" + table if name == "guard" else name.format(table) for name in always]
    enable = "\n".join(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};" for name in names)
    return f"""
CREATE TRIGGER guard_{table} BEFORE UPDATE ON {table}
    FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.version <> NEW.version OR OLD.id <> NEW.id OR NEW.progress < OLD.progress)
    EXECUTE FUNCTION guard_job();
CREATE TRIGGER update_{table}_updated_at BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
{_record_insert(table, machine)}
{_record_update(table, machine)}
{_record_delete(table, machine)}
{enable}
"""


def _record_insert(table: str, machine: StateMachine) -> str:
    kind = machine.kind
    return f"""
CREATE FUNCTION record_{table}_insert() RETURNS trigger
{RECORDER}
AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows n WHERE n.version <> 1 OR n.status <> '{machine.queued}') THEN
        RAISE EXCEPTION 'a new {kind} begins as {machine.queued} at version 1' USING ERRCODE = 'MP001';
    END IF;
    INSERT INTO status_transitions (job_kind, job_id, version, from_status, to_status, reason, actor, attempt)
    SELECT '{kind}', n.id, 1, NULL, n.status, n.status_reason, n.status_actor, n.attempt FROM new_rows n;
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, version, details)
    SELECT coalesce(n.user_id::text, 'system'), '{kind}.created', '{kind}', n.id::text, n.status_actor, 1,
           CASE WHEN n.status_actor LIKE 'db:%' THEN jsonb_build_object('db_user', session_user) END
    FROM new_rows n;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_{table}_insert AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_{table}_insert();
"""


def _record_update(table: str, machine: StateMachine) -> str:
    kind = machine.kind
    told = in_list("m.to_phase", (*(phase.value for phase in Phase if phase in TERMINAL), Phase.PAUSED.value))
    return f"""
CREATE FUNCTION record_{table}_update() RETURNS trigger
{RECORDER}
AS $$
BEGIN
    WITH moved AS MATERIALIZED (
        SELECT n.id, n.version, n.status, n.status_reason, n.status_actor, n.attempt, n.user_id, n.error_code,
               n.callback_url, o.status AS was,
               coalesce(l.to_phase, refuse_transition('{kind}', n.id, o.status, n.status)) AS to_phase
        FROM new_rows n
        JOIN old_rows o ON o.id = n.id
        LEFT JOIN legal_transitions l
            ON l.job_kind = '{kind}' AND l.from_status = o.status AND l.to_status = n.status
        WHERE n.version <> o.version
    ), history AS (
        INSERT INTO status_transitions (job_kind, job_id, version, from_status, to_status, reason, actor, attempt)
        SELECT '{kind}', m.id, m.version, m.was, m.status, m.status_reason, m.status_actor, m.attempt FROM moved m
    ), audit AS (
        INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, version, details)
        SELECT coalesce(m.user_id::text, 'system'), '{kind}.' || lower(m.status), '{kind}', m.id::text,
               m.status_actor, m.version,
               CASE WHEN m.error_code IS NOT NULL OR m.status_actor LIKE 'db:%' THEN
                   jsonb_strip_nulls(jsonb_build_object(
                       'from', m.was, 'to', m.status, 'attempt', m.attempt,
                       'reason', split_part(m.status_reason, ' ', 1), 'error_code', m.error_code,
                       'db_user', session_user)) END
        FROM moved m
    )
    INSERT INTO webhook_deliveries (job_kind, job_id, version, event, user_id, to_status, to_phase, occurred_at, url)
    SELECT '{kind}', m.id, m.version, '{kind}.' || lower(m.status), m.user_id, m.status, m.to_phase, now(),
           m.callback_url
    FROM moved m
    WHERE m.callback_url IS NOT NULL AND {told};
    RETURN NULL;
END
$$;
CREATE TRIGGER record_{table}_update AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_{table}_update();
"""


def _record_delete(table: str, machine: StateMachine) -> str:
    kind = machine.kind
    return f"""
CREATE FUNCTION record_{table}_delete() RETURNS trigger
{RECORDER}
AS $$
BEGIN
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, details)
    SELECT coalesce(o.user_id::text, 'system'), '{kind}.deleted', '{kind}', o.id::text,
           coalesce(nullif(current_setting('milepost.actor', true), ''), 'db:' || session_user),
           jsonb_build_object('status', o.status, 'version', o.version)
    FROM old_rows o;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_{table}_delete AFTER DELETE ON {table}
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_{table}_delete();
"""


def drop(table: str, machine: StateMachine) -> str:
    """Undoes everything this module makes for a kind, the table included."""
    return f"""
DROP TABLE artifacts_{table};
DROP TABLE status_transitions_{table};
DROP TABLE {table};
DROP FUNCTION record_{table}_insert();
DROP FUNCTION record_{table}_update();
DROP FUNCTION record_{table}_delete();
DELETE FROM legal_transitions WHERE job_kind = '{machine.kind}';
"""
