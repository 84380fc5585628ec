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

-- One row a sign-in. A cookie's secret or a refresh's is kept as its digest only.
create table user_sessions (
    id uuid primary key,
    github_id bigint not null references users (github_id) on delete cascade,
    kind text not null check (kind in ('site', 'client')),                    -- a cookie of the site; bearer tokens of a client
    sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index user_sessions_of_user on user_sessions (github_id);
