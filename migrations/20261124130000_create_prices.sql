-- What GPUs cost where, in US dollars per GPU-hour. History is append-only, and years of it fit: a price that stays as
-- it is adds one row a day.

-- One ask of one source.
create table price_scrapes (
    id bigint generated always as identity primary key,
    source text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,                                -- null: it goes on, or its process was killed
    outcome text check (outcome in ('ok', 'partial', 'failed')),
    error text,                                          -- what failed, of a partial one too
    offers int not null default 0,                       -- offers the source listed
    prices int not null default 0,                       -- prices they came to
    unknown int not null default 0,                      -- offers whose GPU is not known
    quarantined int not null default 0,                  -- offers and prices that were not believed
    check ((ended_at is null) = (outcome is null))
);
create index price_scrapes_of_source on price_scrapes (source, id desc);

-- A series and its newest price: one row for what one source says of one GPU on one platform. Never deleted: what is no
-- longer seen ages.
create table latest_prices (
    id bigint generated always as identity primary key,
    source text not null,                                -- who says so
    platform text not null,                              -- where it is rented: runpod, vast.ai, google, …
    provider text not null default '',                   -- whose machine it is, where the platform resells
    gpu_key text not null,                               -- an id of catalog/gpus.csv
    gpu_count int not null check (gpu_count >= 0),       -- GPUs of the machine; 0: any number, the price is the same
    kind text not null check (kind in ('on_demand', 'spot')),
    tier text not null default '',                       -- secure, community, …
    region text not null default '',                     -- '': one price everywhere
    usd_per_gpu_hour numeric(12, 6) not null check (usd_per_gpu_hour > 0 and usd_per_gpu_hour <= 50),
    min_usd numeric(12, 6) check (min_usd > 0),          -- marketplaces: the price is the median, and these are beside it
    p10_usd numeric(12, 6) check (p10_usd > 0),
    offers int check (offers > 0),
    in_stock boolean,                                    -- null: the source doesn't say
    regions text[] not null default '{}',                -- where it can be had at this price
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),     -- when the source last said so
    point_at timestamptz not null default now(),         -- of the newest row in price_points
    withdrawn_at timestamptz,                            -- when the source first answered without it
    scrape_id bigint not null references price_scrapes (id),
    constraint latest_prices_series
        unique (source, platform, provider, gpu_key, gpu_count, kind, tier, region)
);
create index latest_prices_of_gpu on latest_prices (gpu_key, last_seen_at);
create index latest_prices_seen on latest_prices (last_seen_at);

-- The history of a series, append-only: a row when it changes, and one a day while it is seen.
create table price_points (
    series_id bigint not null references latest_prices (id),
    as_of timestamptz not null default now(),
    usd_per_gpu_hour numeric(12, 6) not null check (usd_per_gpu_hour > 0 and usd_per_gpu_hour <= 50),
    min_usd numeric(12, 6) check (min_usd > 0),
    p10_usd numeric(12, 6) check (p10_usd > 0),
    offers int check (offers > 0),
    in_stock boolean,
    scrape_id bigint not null references price_scrapes (id),
    primary key (series_id, as_of) include (usd_per_gpu_hour)
);
-- For what goes through it by time, e.g. throwing away what is years old: a few kilobytes for a million rows.
create index price_points_by_time on price_points using brin (as_of);

-- Prices that were not believed, and why. One row a series and reason, however often it is seen.
create table price_quarantine (
    id bigint generated always as identity primary key,
    source text not null,
    platform text not null,
    provider text not null default '',
    gpu_name text not null,                              -- as the source spells it; of a jump, the gpu_key
    gpu_count int not null,
    kind text not null check (kind in ('on_demand', 'spot')),
    tier text not null default '',
    region text not null default '',
    reason text not null check (reason in ('unreadable', 'not_positive', 'too_high', 'jump', 'currency')),
    price text not null,                                 -- as the source says it; of a jump, USD per GPU-hour
    last_accepted_usd numeric(12, 6),                    -- of a jump: the price it jumps from
    confirmations int not null default 1,                -- scrapes in a row that said about the same
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    released_at timestamptz,                             -- of a jump: when it was believed after all, or was gone again
    scrape_id bigint not null references price_scrapes (id)
);
create unique index price_quarantine_open
    on price_quarantine (source, platform, provider, gpu_name, gpu_count, kind, tier, region, reason)
    where released_at is null;

-- GPU names that lead to no GPU of the catalog: for review. A line in catalog/gpu_names.csv settles one.
create table price_unknown_names (
    source text not null,
    name text not null,
    memory_gb double precision,                          -- of one GPU, as last seen
    reason text not null,
    example_usd numeric,                                 -- USD per GPU-hour of an offer of it
    offers int not null,                                 -- offers of it in the newest scrape that had any
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    primary key (source, name)
);

-- Exchange rates: US dollars for one unit.
create table price_fx_rates (
    currency text primary key check (currency = upper(currency)),
    usd numeric(18, 9) not null check (usd > 0),
    as_of date not null                                  -- the day it is the rate of
);
