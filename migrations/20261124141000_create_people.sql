-- Who signed in with GitHub, and where they are signed in.

create table users (
    github_id bigint primary key check (github_id > 0),
    username text not null check (username <> ''),
    email text not null default '',                      -- shown to its owner only; '': none
    avatar_url text,
    created_at timestamptz not null default now(),
    last_login timestamptz not null default now(),
    suspended_at timestamptz,                            -- may not write; set by an administrator
    suspended_reason text,
    imported_from text check (imported_from <> ''),
    version bigint not null default 1 check (version >= 1),
    check ((suspended_at is null) = (suspended_reason is null))
);
create index users_username on users (lower(username));

-- One row a sign-in: of a person, or of an operator who gave a token of the API for a cookie. A cookie's secret is kept as
-- its digest only; a client's tokens name their row and are signed.
create table user_sessions (
    id uuid primary key,
    kind text not null check (kind in ('site', 'client')),                    -- a cookie of the site; bearer tokens of a client
    github_id bigint references users (github_id) on delete cascade,
    api_token_id bigint references api_tokens (id) on delete cascade,
    sha256 text unique check (sha256 ~ '^[0-9a-f]{64}$'),                     -- of the cookie; null: a client's
    agent text not null default '',                      -- the program as it calls itself, so that its owner knows it again
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    check ((github_id is null) <> (api_token_id is null)),
    check ((kind = 'site') = (sha256 is not null)),
    check (kind = 'site' or github_id is not null)
);
create index user_sessions_of_user on user_sessions (github_id);

-- Sign-ins that are under way at GitHub. A row is taken away by whoever comes back with its state: once.
create table sign_ins (
    state_sha256 text primary key check (state_sha256 ~ '^[0-9a-f]{64}$'),
    kind text not null check (kind in ('site', 'client')),
    verifier text not null,                              -- PKCE's; worth nothing without the code that GitHub gives
    browser_sha256 text check (browser_sha256 ~ '^[0-9a-f]{64}$'),            -- of the cookie of the browser that began it
    return_to text not null default '/' check (return_to like '/%'),          -- where on the site it goes on
    expires_at timestamptz not null,
    check ((kind = 'site') = (browser_sha256 is not null))
);
create index sign_ins_expiry on sign_ins (expires_at);
