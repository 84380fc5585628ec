# dria-bench as an image: the program and what it needs to speak TLS, nothing else. The database is elsewhere
# (DATABASE_URL): PostgreSQL's programs are not in it, so the embedded database isn't either, nor are engines.
#
#   docker build -t dria-bench .
#   docker run --rm -e DATABASE_URL=postgres://… dria-bench doctor

FROM node:22-bookworm-slim AS site
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
COPY docs/methodology.md /src/docs/methodology.md
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# aws-lc (TLS) and zstd are C: a compiler is in the image, cmake and make are not. Patch releases of them are welcome.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends cmake make && rm -rf /var/lib/apt/lists/*
COPY . .
COPY --from=site /src/web/build web/build
# Queries are checked against .sqlx, so that no database is needed to build.
RUN SQLX_OFFLINE=true cargo build --release --locked --bin dria-bench

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/dria-bench --create-home --shell /usr/sbin/nologin dria-bench
COPY --from=build /src/target/release/dria-bench /usr/local/bin/dria-bench
USER 10001:10001
WORKDIR /var/lib/dria-bench
ENV DRIA_BENCH_DATA_DIR=/var/lib/dria-bench \
    DRIA_BENCH_HOST=0.0.0.0 \
    DRIA_BENCH_LOG_FORMAT=json
VOLUME ["/var/lib/dria-bench"]
EXPOSE 8000
# SIGTERM drains: steps under way are put back and spend no attempt.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/dria-bench"]
CMD ["up"]
