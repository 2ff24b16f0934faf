"""People and access, rules and history of every job, artifacts, audit log, callbacks, leaders."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UP = r"""
CREATE FUNCTION update_updated_at_column() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END
$$;

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

CREATE TABLE artifacts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    job_kind TEXT NOT NULL,
    job_id UUID NOT NULL,
    step TEXT,
    file_type TEXT,
    file_name VARCHAR(255) NOT NULL,
    file_path VARCHAR(1024) NOT NULL,
    file_size BIGINT NOT NULL,
    mime_type VARCHAR(100),
    checksum VARCHAR(64),
    digest TEXT GENERATED ALWAYS AS (checksum) STORED,
    type TEXT DEFAULT 'OTHER' NOT NULL,
    status TEXT DEFAULT 'ACTIVE' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    archived_at TIMESTAMP WITH TIME ZONE,
    tags JSONB,
    metadata JSONB,
    CONSTRAINT pk_artifacts PRIMARY KEY (id, job_kind),
    CONSTRAINT ck_artifacts_type CHECK (type IN ('CODE', 'DOCUMENT', 'IMAGE', 'DATA', 'LOG', 'OTHER')),
    CONSTRAINT ck_artifacts_status CHECK (status IN ('UPLOADING', 'ACTIVE', 'ARCHIVED', 'DELETED')),
    CONSTRAINT ck_artifacts_file_size CHECK (file_size >= 0),
    CONSTRAINT ck_artifacts_checksum CHECK (checksum ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_artifacts_checksum_known CHECK (checksum IS NOT NULL OR status NOT IN ('ACTIVE', 'ARCHIVED')),
    CONSTRAINT ck_artifacts_step CHECK ((job_kind = 'run') = (step IS NOT NULL) AND (job_kind = 'run') = (file_type IS NOT NULL)),
    CONSTRAINT ck_artifacts_tags CHECK (jsonb_typeof(tags) = 'object' AND octet_length(tags::text) <= 32768),
    CONSTRAINT ck_artifacts_metadata CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384)
)
 PARTITION BY LIST (job_kind);

CREATE INDEX idx_artifacts_execution_id ON artifacts (job_id);

CREATE INDEX idx_artifacts_expires_at ON artifacts (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX idx_artifacts_status ON artifacts (status) WHERE status = 'UPLOADING';

CREATE TABLE audit_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id TEXT NOT NULL,
    action TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    details JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor TEXT DEFAULT 'db:' || session_user NOT NULL,
    version INTEGER,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT pk_audit_logs PRIMARY KEY (id),
    CONSTRAINT ck_audit_logs_details CHECK (octet_length(details::text) <= 16384)
);

CREATE INDEX ix_audit_logs_created_at ON audit_logs USING brin (created_at);

CREATE INDEX ix_audit_logs_xid ON audit_logs (xid, id);

CREATE TABLE leaders (
    duty TEXT NOT NULL,
    holder TEXT NOT NULL,
    term BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_leaders PRIMARY KEY (duty)
);

CREATE TABLE legal_transitions (
    job_kind TEXT NOT NULL,
    from_status TEXT NOT NULL,
    to_status TEXT NOT NULL,
    to_phase TEXT NOT NULL,
    CONSTRAINT pk_legal_transitions PRIMARY KEY (job_kind, from_status, to_status)
);

CREATE TABLE llm_models (
    id INTEGER NOT NULL,
    provider_id TEXT NOT NULL,
    model_name TEXT NOT NULL,
    model_class TEXT NOT NULL,
    cost_per_1k_input_tokens NUMERIC(10, 6),
    cost_per_1k_output_tokens NUMERIC(10, 6),
    is_active BOOLEAN DEFAULT true NOT NULL,
    synced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_llm_models PRIMARY KEY (id),
    CONSTRAINT uq_llm_models_model_name UNIQUE (model_name)
);

CREATE TABLE status_transitions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_kind TEXT NOT NULL,
    job_id UUID NOT NULL,
    version INTEGER NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    reason TEXT,
    actor TEXT NOT NULL,
    attempt INTEGER DEFAULT '0' NOT NULL,
    transitioned_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_status_transitions PRIMARY KEY (job_id, version, job_kind),
    CONSTRAINT ck_status_transitions_version CHECK (version >= 1 AND (from_status IS NULL) = (version = 1))
)
 PARTITION BY LIST (job_kind);

CREATE INDEX ix_status_transitions_id ON status_transitions (id);

CREATE TABLE users (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    clerk_user_id TEXT,
    github_id TEXT,
    email TEXT,
    name TEXT,
    avatar_url TEXT,
    role TEXT DEFAULT 'caster' NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    ccpa_do_not_sell BOOLEAN DEFAULT false NOT NULL,
    consent_version TEXT,
    consented_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deletion_reason TEXT,
    stripe_customer_id TEXT,
    metadata JSONB,
    webhook_secret_version INTEGER DEFAULT '1' NOT NULL,
    webhook_secret_rotated_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT ck_users_role CHECK (role IN ('maker', 'caster', 'operator', 'auditor')),
    CONSTRAINT ck_users_status CHECK (status IN ('active', 'suspended', 'deleted')),
    CONSTRAINT ck_users_deleted_at CHECK ((deleted_at IS NOT NULL) = (status = 'deleted')),
    CONSTRAINT ck_users_email CHECK (email = lower(email)),
    CONSTRAINT ck_users_metadata CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    CONSTRAINT uq_users_clerk_user_id UNIQUE (clerk_user_id),
    CONSTRAINT uq_users_github_id UNIQUE (github_id),
    CONSTRAINT uq_users_email UNIQUE (email),
    CONSTRAINT uq_users_stripe_customer_id UNIQUE (stripe_customer_id)
);

CREATE TABLE webhook_deliveries (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    job_kind TEXT NOT NULL,
    job_id UUID NOT NULL,
    version INTEGER NOT NULL,
    event TEXT NOT NULL,
    user_id UUID,
    to_status TEXT NOT NULL,
    to_phase TEXT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    url TEXT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    attempt INTEGER DEFAULT '0' NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    last_attempt_at TIMESTAMP WITH TIME ZONE,
    last_http_status INTEGER,
    last_error TEXT,
    delivered_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id),
    CONSTRAINT uq_webhook_deliveries_job_kind_job_id_version_event UNIQUE (job_kind, job_id, version, event),
    CONSTRAINT ck_webhook_deliveries_status CHECK (status IN ('pending', 'delivered', 'dead'))
);

CREATE INDEX ix_webhook_deliveries_pending ON webhook_deliveries (next_attempt_at) WHERE status = 'pending';

CREATE TABLE accounts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    user_id UUID NOT NULL,
    type TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_account_id TEXT NOT NULL,
    refresh_token TEXT,
    access_token TEXT,
    expires_at BIGINT,
    token_type TEXT,
    scope TEXT,
    id_token TEXT,
    session_state TEXT,
    CONSTRAINT pk_accounts PRIMARY KEY (id),
    CONSTRAINT uq_accounts_provider_provider_account_id UNIQUE (provider, provider_account_id),
    CONSTRAINT fk_accounts_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_accounts_user_id ON accounts (user_id);

CREATE TABLE api_keys (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    key_prefix TEXT NOT NULL,
    scopes TEXT[] DEFAULT '{}'::text[] NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT ck_api_keys_name CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT ck_api_keys_key_hash CHECK (key_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_api_keys_scopes CHECK (scopes <@ ARRAY['spell:publish', 'cast:invoke', 'ops:deploy', 'audit:read', 'job:submit', 'job:read']::text[]),
    CONSTRAINT ck_api_keys_status CHECK (status IN ('active', 'revoked')),
    CONSTRAINT ck_api_keys_revoked_at CHECK ((revoked_at IS NOT NULL) = (status = 'revoked')),
    CONSTRAINT uq_api_keys_key_hash UNIQUE (key_hash),
    CONSTRAINT fk_api_keys_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE RESTRICT
);

CREATE INDEX ix_api_keys_user_id ON api_keys (user_id);

CREATE TABLE data_transfer_consents (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    user_id UUID NOT NULL,
    transfer_type TEXT NOT NULL,
    mechanism TEXT NOT NULL,
    consented_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    consent_version TEXT NOT NULL,
    CONSTRAINT pk_data_transfer_consents PRIMARY KEY (id),
    CONSTRAINT ck_data_transfer_consents_transfer_type CHECK (transfer_type ~ '^[a-z]{2,8}_[a-z]{2,8}$'),
    CONSTRAINT ck_data_transfer_consents_mechanism CHECK (mechanism IN ('scc', 'adequacy', 'dpf')),
    CONSTRAINT fk_data_transfer_consents_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE RESTRICT
);

CREATE INDEX ix_data_transfer_consents_user_id ON data_transfer_consents (user_id);

CREATE TABLE sessions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    session_token TEXT NOT NULL,
    user_id UUID NOT NULL,
    expires TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (id),
    CONSTRAINT uq_sessions_session_token UNIQUE (session_token),
    CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_sessions_expires ON sessions (expires);

CREATE INDEX ix_sessions_user_id ON sessions (user_id);

CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE FUNCTION guard_artifact() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('UPLOADING', 'ACTIVE'), ('UPLOADING', 'DELETED'), ('ACTIVE', 'ARCHIVED'), ('ACTIVE', 'DELETED'),
        ('ARCHIVED', 'DELETED')
    ) THEN
        RAISE EXCEPTION 'artifact % may not go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'MP001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_artifacts BEFORE UPDATE ON artifacts
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION guard_artifact();
ALTER TABLE artifacts ENABLE ALWAYS TRIGGER guard_artifacts;


CREATE TRIGGER prevent_audit_logs_modification BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION prevent_audit_log_modification();
CREATE TRIGGER prevent_audit_logs_truncate BEFORE TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION prevent_audit_log_modification();
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER prevent_audit_logs_modification;
ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER prevent_audit_logs_truncate;

DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_app') THEN GRANT SELECT, INSERT, UPDATE ON users, api_keys, data_transfer_consents, webhook_deliveries TO milepost_app; GRANT SELECT, INSERT, UPDATE, DELETE ON accounts, sessions TO milepost_app; GRANT SELECT, INSERT, UPDATE ON artifacts TO milepost_app; GRANT SELECT ON legal_transitions, status_transitions, llm_models, leaders TO milepost_app; GRANT SELECT, INSERT (user_id, action, resource_type, resource_id, details, actor, version) ON audit_logs TO milepost_app; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_maintenance') THEN GRANT SELECT, INSERT, UPDATE, DELETE ON users, api_keys, data_transfer_consents, webhook_deliveries, accounts, sessions, artifacts, leaders, llm_models TO milepost_maintenance; GRANT SELECT ON legal_transitions, status_transitions TO milepost_maintenance; GRANT SELECT, INSERT (user_id, action, resource_type, resource_id, details, actor, version) ON audit_logs TO milepost_maintenance; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_sealer') THEN GRANT SELECT ON audit_logs TO milepost_sealer; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_reader') THEN GRANT SELECT ON ALL TABLES IN SCHEMA public TO milepost_reader; END IF; END $$;
"""

DOWN = r"""
DROP TABLE sessions;
DROP TABLE data_transfer_consents;
DROP TABLE api_keys;
DROP TABLE accounts;
DROP TABLE webhook_deliveries;
DROP TABLE users;
DROP TABLE status_transitions;
DROP TABLE llm_models;
DROP TABLE legal_transitions;
DROP TABLE leaders;
DROP TABLE audit_logs;
DROP TABLE artifacts;
DROP FUNCTION update_updated_at_column();
DROP FUNCTION prevent_audit_log_modification();
DROP FUNCTION prevent_history_modification();
DROP FUNCTION guard_job();
DROP FUNCTION refuse_transition(text, uuid, text, text);
DROP FUNCTION guard_artifact();
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
