"""A deferred constraint trigger that makes commits of job tables fail with a probability that stands in a table."""

from __future__ import annotations

STATES = ("40001", "40P01", "57014", "53100")

# Decided once a transaction, not once a row: a group of five hundred must not fail five hundred times as often.
INSTALL = """
CREATE TABLE chaos (probability float8 NOT NULL, state text NOT NULL);
INSERT INTO chaos VALUES (0, '40001');
GRANT SELECT ON chaos TO PUBLIC;
CREATE FUNCTION chaos() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found chaos%ROWTYPE;
BEGIN
    SELECT * INTO found FROM chaos;
    IF abs(hashtext(pg_current_xact_id()::text)) % 1000 < found.probability * 1000 THEN
        RAISE EXCEPTION 'chaos at commit' USING ERRCODE = found.state;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER chaos AFTER INSERT OR UPDATE ON executions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos();
CREATE CONSTRAINT TRIGGER chaos AFTER INSERT OR UPDATE ON image_tasks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos();"""

SET = "UPDATE chaos SET probability = $1, state = $2"
