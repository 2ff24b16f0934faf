"""A deferred constraint trigger that makes commits of job tables fail with a probability that stands in a table."""

from __future__ import annotations

STATES = ("40001", "40P01", "57014", "53100")

# Decided once a transaction, not once a row: a group of five hundred must not fail five hundred times as often.
INSTALL = """
CREATE TABLE chaos (probability float8 NOT NULL, state text NOT NULL);
INSERT INTO chaos VALUES (0, '40001');
GRANT SELECT ON chaos TO PUBLIC;
CREATE SEQUENCE chaos_failed;
GRANT USAGE ON SEQUENCE chaos_failed TO PUBLIC;
CREATE FUNCTION chaos() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found chaos%ROWTYPE;
BEGIN
    SELECT * INTO found FROM chaos;
    IF abs(hashtext(pg_current_xact_id()::text)) % 1000 < found.probability * 1000 THEN
        PERFORM nextval('chaos_failed');
        RAISE EXCEPTION 'chaos at commit' USING ERRCODE = found.state;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER chaos AFTER INSERT OR UPDATE ON executions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos();
CREATE CONSTRAINT TRIGGER chaos AFTER INSERT OR UPDATE ON image_tasks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos();"""

# a sequence does not roll back
FAILED = "SELECT last_value, is_called FROM chaos_failed"
SET = "UPDATE chaos SET probability = $1, state = $2"
