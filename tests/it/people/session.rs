//! Being signed in at the site: a cookie that scripts and other sites can't use, and an operator's token in its place.

use dria_bench::{
    ledger::tokens::{self, Role},
    store::audit,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{App, said};
use crate::support::github::Account;

/// The cookie that an answer sets: `name=value`, and what is said of it.
fn cookie(response: &Response) -> (String, String) {
    let set = response.headers()["set-cookie"].to_str().unwrap();
    let (pair, rest) = set.split_once("; ").unwrap();
    (pair.to_owned(), rest.to_owned())
}

impl App {
    async fn with_cookie(
        &self,
        method: Method,
        path: &str,
        cookie: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = self.request(method, path).header("cookie", cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Signs somebody in at the site. Returns the session's cookie and what a write has to say along.
    async fn at_the_site(&self, account: &Account) -> (String, String) {
        let away = self.request(Method::GET, "/api/v1/session/github?return_to=/runs").send().await.unwrap();
        assert_eq!(away.status(), 302);
        let (browser, _) = cookie(&away);
        let (code, state) = self.github.allow(away.headers()["location"].to_str().unwrap(), account);
        let back = format!("/auth/github/callback?code={code}&state={state}");
        let back = self.with_cookie(Method::GET, &back, &browser, &[]).await;
        assert_eq!(back.status(), 302);
        assert_eq!(back.headers()["location"], format!("{}/runs", self.server.url()));
        let (session, rest) = cookie(&back);
        assert_eq!(rest, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
        let shown = said(self.with_cookie(Method::GET, "/api/v1/session", &session, &[]).await).await.1;
        (session, shown["csrf_token"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn a_browser_signs_in_and_is_known_by_its_cookie() {
    let app = App::new().await;
    let (session, csrf) = app.at_the_site(&Account::new(5, "cem")).await;
    let shown = said(app.with_cookie(Method::GET, "/api/v1/session", &session, &[]).await).await.1;
    let who = json!({
        "kind": "user", "name": "cem", "github_id": 5, "avatar_url": "https://avatars.example/u/5?v=4", "role": null,
        "suspended": null,
    });
    assert_eq!(shown, json!({ "who": who, "csrf_token": csrf, "github": true }));
    let me = said(app.with_cookie(Method::GET, "/api/v1/me", &session, &[]).await).await.1;
    assert_eq!(me["email"], "cem@mail.example");
    let out = app.with_cookie(Method::DELETE, "/api/v1/session", &session, &[("x-csrf-token", &csrf)]).await;
    assert_eq!(cookie(&out).0, "dria_session=");
    assert_eq!(out.status(), 200);
    assert_eq!(app.with_cookie(Method::GET, "/api/v1/me", &session, &[]).await.status(), 401);
    assert_eq!(
        app.with_cookie(Method::GET, "/api/v1/runs", &session, &[]).await.status(),
        200,
        "as everybody"
    );
}

#[tokio::test]
async fn a_sign_in_of_the_site_ends_in_the_browser_that_began_it() {
    let app = App::new().await;
    for browser in [None, Some("dria_sign_in=anothers")] {
        let away = app.request(Method::GET, "/api/v1/session/github").send().await.unwrap();
        let location = away.headers()["location"].to_str().unwrap().to_owned();
        let (code, state) = app.github.allow(&location, &Account::new(5, "cem"));
        let mut back = app.request(Method::GET, &format!("/auth/github/callback?code={code}&state={state}"));
        if let Some(browser) = browser {
            back = back.header("cookie", browser);
        }
        let back = back.send().await.unwrap();
        assert!(!back.headers().contains_key("set-cookie"));
        assert_eq!(back.status(), 400, "{browser:?}");
    }
    for odd in ["//evil.com", "https://evil.com", "/%5Cevil.com", "runs", "/%0d%0ax"] {
        let away = app
            .request(Method::GET, &format!("/api/v1/session/github?return_to={odd}"))
            .send()
            .await
            .unwrap();
        assert_eq!(away.status(), 422, "{odd}");
    }
}

#[tokio::test]
async fn a_write_with_the_cookie_needs_its_proof_and_a_page_of_ours() {
    let app = App::new().await;
    let (session, csrf) = app.at_the_site(&Account::new(7, "dora")).await;
    let (_, anothers) = app.at_the_site(&Account::new(7, "dora")).await;
    let own = app.server.url();
    let pause = async |headers: &[(&str, &str)]| {
        let response =
            app.with_cookie(Method::POST, "/api/v1/admin/queues/steps/resume", &session, headers).await;
        let (status, body) = said(response).await;
        (status, body["code"].clone())
    };
    for headers in [
        &[][..],
        &[("x-csrf-token", "nonsense")],
        &[("x-csrf-token", &anothers)],
        &[("x-csrf-token", &csrf), ("origin", "https://evil.com")],
        &[("x-csrf-token", &csrf), ("origin", "null")],
        &[("x-csrf-token", &csrf), ("sec-fetch-site", "cross-site")],
        &[("origin", &own)],
    ] {
        assert_eq!(pause(headers).await, (403, json!("csrf")), "{headers:?}");
    }
    app.database
        .execute("insert into queue_controls (queue, paused_at, paused_by) values ('steps', now(), 'test')")
        .await;
    assert_eq!(pause(&[("x-csrf-token", &csrf), ("origin", &own)]).await.0, 200);
    assert_eq!(
        pause(&[("x-csrf-token", &csrf)]).await.0,
        200,
        "a program that is no browser names no origin"
    );
}

#[tokio::test]
async fn a_token_of_the_api_is_given_for_a_cookie_that_lasts_as_long_as_the_token_at_most() {
    let app = App::new().await;
    let admin = app.api_token(Role::Admin).await;
    assert_eq!(app.request(Method::POST, "/api/v1/session").send().await.unwrap().status(), 401);
    let opened = app.request(Method::POST, "/api/v1/session").bearer_auth(&admin).send().await.unwrap();
    let (session, rest) = cookie(&opened);
    assert_eq!(rest, "Path=/; Max-Age=43200; HttpOnly; SameSite=Lax");
    let shown = said(opened).await.1;
    assert_eq!((&shown["who"]["kind"], &shown["who"]["role"]), (&json!("token"), &json!("admin")));
    let csrf = shown["csrf_token"].as_str().unwrap();
    let path = "/api/v1/admin/users/5/suspend?reason=spam";
    app.signed_in(5, "cem").await;
    let done = app.with_cookie(Method::POST, path, &session, &[("x-csrf-token", csrf)]).await;
    assert_eq!(done.status(), 200);
    let log = audit::of(&mut app.database.pool.acquire().await.unwrap(), "5").await.unwrap();
    assert_eq!((log[0].actor.as_str(), log[0].role.as_deref()), ("token:the admin", Some("admin")));
    // Nobody in particular: they have no account.
    assert_eq!(app.with_cookie(Method::GET, "/api/v1/me", &session, &[]).await.status(), 403);
    tokens::revoke(&app.database.pool, "the admin", "test").await.unwrap();
    assert_eq!(app.with_cookie(Method::GET, "/api/v1/admin/users", &session, &[]).await.status(), 401);
}

#[tokio::test]
async fn an_administrator_by_login_or_number_is_one_everywhere_and_nobody_else_is() {
    let app = App::new().await;
    let (ann, seven, bea) =
        (app.signed_in(1, "Ann").await, app.signed_in(7, "renamed").await, app.signed_in(2, "bea").await);
    for admin in [&ann, &seven] {
        assert_eq!(app.get("/api/v1/admin/queues", admin).await.status(), 200);
        assert_eq!(app.json("/api/v1/session", admin).await["who"]["role"], "admin");
        assert_eq!(app.json("/api/v1/me", admin).await["role"], "admin");
    }
    let (status, refused) = said(app.get("/api/v1/admin/queues", &bea).await).await;
    assert_eq!((status, &refused["code"]), (403, &json!("forbidden")));
    assert!(refused["detail"].as_str().unwrap().contains("DRIA_BENCH_ADMINS"), "{refused}");
    let suspend = app.request(Method::POST, "/api/v1/admin/users/2/suspend?reason=spam").bearer_auth(&ann);
    assert_eq!(suspend.send().await.unwrap().status(), 200);
    let log = audit::of(&mut app.database.pool.acquire().await.unwrap(), "2").await.unwrap();
    assert_eq!((log[0].actor.as_str(), log[0].role.as_deref()), ("user:Ann", Some("admin")));
    app.database
        .execute("update users set suspended_at = now(), suspended_reason = 'test' where github_id = 1")
        .await;
    assert_eq!(app.get("/api/v1/admin/queues", &ann).await.status(), 403, "nobody suspended is one");
}

#[tokio::test]
async fn with_tls_cookies_are_this_hosts_and_browsers_stay_with_tls() {
    let app =
        App::with(|settings| settings.base_url = Some("https://bench.example.org".parse().unwrap())).await;
    let away = app.request(Method::GET, "/api/v1/session/github").send().await.unwrap();
    let (browser, rest) = cookie(&away);
    assert!(browser.starts_with("__Host-dria_sign_in="), "{browser}");
    assert_eq!(rest, "Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(away.headers()["strict-transport-security"], "max-age=31536000");
    assert_eq!(away.headers()["cache-control"], "no-store");
    let location = away.headers()["location"].to_str().unwrap();
    assert!(
        location.contains("redirect_uri=https%3A%2F%2Fbench.example.org%2Fauth%2Fgithub%2Fcallback"),
        "{location}"
    );
    let plain: Value = App::new().await.json("/api/v1/session", "").await;
    assert_eq!(plain["who"], Value::Null);
}
