//! The site as the server hands it out: its page, its files, what a shared link previews as, and who gets no HTML. What the pages
//! themselves do is tried in a browser (`web/e2e`). It needs the site built: `make web`.

use dria_bench::{
    api::{self, Server},
    config, http,
    store::publications::{self, PublishedRun},
};
use reqwest::{Response, StatusCode, header};

use crate::support::{
    database::TestDatabase,
    published::{run, throughput},
};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

struct Site {
    database: TestDatabase,
    server: Server,
    client: reqwest::Client,
}

impl Site {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let settings = config::Server { port: 0, ..config::Server::default() };
        let server = api::serve(&settings, database.pool.clone()).await.unwrap();
        Self { database, server, client: http::client(None).unwrap() }
    }

    async fn get(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
        let mut request = self.client.get(format!("{}{path}", self.server.url()));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.send().await.unwrap()
    }

    async fn page(&self, path: &str) -> (StatusCode, String) {
        let response = self.get(path, &[(header::ACCEPT, BROWSER)]).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        let status = response.status();
        let html = response.text().await.unwrap();
        assert_ne!(status, StatusCode::SERVICE_UNAVAILABLE, "the site isn't built: make web");
        (status, html)
    }
}

/// What stands between these two, the first time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).unwrap().1.split_once(after).unwrap().0
}

#[tokio::test]
async fn people_get_the_site_and_programs_never_get_html() {
    let site = Site::new().await;
    for path in ["/", "/compare?r=a&r=b", "/results/nobody-knows", "/trends/", "/admin/queues"] {
        let (status, html) = site.page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(html.contains("/_app/immutable/entry/start."), "{path}");
    }
    let (status, html) = site.page("/nothing/at-all").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(html.contains("<title>Not found · dria-bench</title>"), "{html}");

    for (path, accept, status) in [
        ("/", "*/*", 200),
        ("/", "application/json", 200),
        ("/trends", "application/json", 404),
        ("/api/v1/nothing", BROWSER, 404),
        ("/api", "application/json", 404),
        ("/health", BROWSER, 200),
    ] {
        let response = site.get(path, &[(header::ACCEPT, accept)]).await;
        assert_eq!(response.status(), status, "{path} {accept}");
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.starts_with("application/"), "{path} {accept}: {kind}");
    }
    let posted = site.client.post(format!("{}/trends", site.server.url())).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_may_run_its_own_files_and_nothing_else() {
    let site = Site::new().await;
    let response = site.get("/", &[(header::ACCEPT, BROWSER)]).await;
    let headers = response.headers().clone();
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'self'") && policy.ends_with("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"), "{policy}");
    assert!(!policy.contains("http:") && !policy.contains("https:"), "{policy}");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::CACHE_CONTROL], "no-cache");

    let tag = headers[header::ETAG].to_str().unwrap();
    let again = site.get("/", &[(header::ACCEPT, BROWSER), (header::IF_NONE_MATCH, tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let other = site.get("/trends", &[(header::ACCEPT, BROWSER), (header::IF_NONE_MATCH, tag)]).await;
    assert_eq!(other.status(), StatusCode::OK, "another page has another title");

    // Nothing of it comes from another host.
    let html = response.text().await.unwrap();
    for link in html.split("href=\"").chain(html.split("src=\"")).skip(1) {
        let link = link.split('"').next().unwrap();
        let is_ours = link.starts_with('/') || link.starts_with(&site.server.url());
        assert!(is_ours || !link.contains("//"), "{link} leads away");
    }
}

#[tokio::test]
async fn files_come_compressed_as_they_were_built_and_stay_for_ever_where_their_name_is_a_hash() {
    let site = Site::new().await;
    let (_, html) = site.page("/").await;
    let script =
        format!("/_app/immutable/entry/start.{}", between(&html, "/_app/immutable/entry/start.", "\""));
    for (takes, coding) in [("gzip, br", Some("br")), ("gzip", Some("gzip")), ("identity", None)] {
        let response = site.get(&script, &[(header::ACCEPT_ENCODING, takes)]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert!(
            headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/javascript"),
            "{headers:?}"
        );
        assert_eq!(headers.get(header::CONTENT_ENCODING).map(|coding| coding.to_str().unwrap()), coding);
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();
        let again = site.get(&script, &[(header::IF_NONE_MATCH, &tag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
    for path in ["/_app/immutable/entry/nothing.js", "/200.html", "/%2e%2e/Cargo.toml"] {
        assert_eq!(site.get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(site.get("/favicon.svg", &[]).await.headers()[header::CACHE_CONTROL], "no-cache");
}

#[tokio::test]
async fn a_shared_link_says_what_it_shows_and_names_are_never_markup() {
    let site = Site::new().await;
    let hostile = "</title><script>alert(1)</script>\"'&";
    for (pod_id, model) in [("pod_a", "Llama 3.1 8B"), ("pod_b", hostile)] {
        let run = PublishedRun { llm_common_name: model.to_owned(), ..run(pod_id, 0) };
        let mut conn = site.database.pool.acquire().await.unwrap();
        publications::upsert(&mut conn, &run, &[throughput()]).await.unwrap();
    }

    let (_, html) = site.page("/results/pod_a").await;
    let title = between(&html, "<title>", "</title>");
    assert!(title.starts_with("Llama 3.1 8B · VLLM · "), "{title}");
    let description = between(&html, "property=\"og:description\" content=\"", "\"");
    assert!(description.contains(" output tokens/s, ") && description.contains("n = "), "{description}");
    assert_eq!(
        between(&html, "rel=\"canonical\" href=\"", "\""),
        format!("{}/results/pod_a", site.server.url())
    );
    assert_eq!(
        between(&html, "property=\"og:image\" content=\"", "\""),
        format!("{}/social.png", site.server.url())
    );

    let (_, html) = site.page("/compare?r=pod_b,pod_a").await;
    let title = between(&html, "<title>", "</title>");
    assert!(title.contains(" against Llama 3.1 8B"), "{title}");
    assert!(!html.contains("alert(1)</script>"), "{html}");
    let (_, html) = site.page("/models/%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(!html.contains("<script>alert"), "{html}");
    // Who fetches a preview rarely says what it takes.
    let preview = site.get("/results/pod_a", &[(header::ACCEPT, "*/*")]).await.text().await.unwrap();
    assert!(preview.contains("property=\"og:title\" content=\"Llama 3.1 8B"));
}

#[tokio::test]
async fn without_its_database_the_site_still_comes_and_says_so_itself() {
    let site = Site::new().await;
    site.database.pool.close().await;
    let (status, html) = site.page("/results/pod_a").await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("<title>Result · dria-bench</title>"), "{html}");
}
