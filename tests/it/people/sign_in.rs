//! The original paths `/auth/…`, against a GitHub that checks what it is asked, and fails.

use dria_bench::{
    config,
    people::{Claims, Key},
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{App, said};
use crate::support::{
    github::{Account, Fault, SECRET_KEY},
    people,
};

#[tokio::test]
async fn a_person_signs_in_and_is_known_by_their_token() {
    let app = App::new().await;
    let token = app.signed_in(583_231, "octocat").await;
    let me = app.json("/auth/me", &token).await;
    let user = &me["user"];
    assert_eq!((&user["github_id"], &user["username"]), (&json!(583_231), &json!("octocat")));
    assert_eq!(user["email"], "octocat@mail.example", "the primary one, which only its owner sees");
    assert_eq!(user["avatar_url"], "https://avatars.example/u/583231?v=4");
    for date in ["created_at", "last_login"] {
        let date = user[date].as_str().unwrap();
        assert!(date.len() >= 19 && !date.ends_with('Z') && !date.contains('+'), "{date}");
    }
    assert_eq!(user.as_object().unwrap().len(), 6);
    let claims = Claims::read(&token, &Key::new(SECRET_KEY.as_bytes())).unwrap();
    assert_eq!(claims.exp - claims.iat, 15 * 60);
    assert_eq!(
        app.database
            .count("select count(*) from outbox where aggregate = 'user' and aggregate_id = '583231'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_token_is_renewed_while_it_is_good_and_ends_with_its_session() {
    let app = App::new().await;
    let (token, other) = (app.signed_in(1, "bea").await, app.signed_in(1, "bea").await);
    let refresh = app.request(Method::POST, "/auth/refresh").bearer_auth(&token).send().await.unwrap();
    let (status, renewed) = said(refresh).await;
    assert_eq!(
        (status, &renewed["token_type"], &renewed["user"]["username"]),
        (200, &json!("bearer"), &json!("bea"))
    );
    let renewed = renewed["access_token"].as_str().unwrap();
    assert_eq!(app.get("/auth/me", renewed).await.status(), 200);
    let (status, out) = said(app.get("/auth/logout", renewed).await).await;
    assert_eq!((status, &out["success"]), (200, &json!(true)));
    for over in [token.as_str(), renewed] {
        assert_eq!(
            app.get("/auth/me", over).await.status(),
            401,
            "both tokens were of the session that ended"
        );
        let refresh = app.request(Method::POST, "/auth/refresh").bearer_auth(over).send().await.unwrap();
        assert_eq!(refresh.status(), 401);
    }
    assert_eq!(app.get("/auth/me", &other).await.status(), 200, "another sign-in goes on");
    let nobody = app.request(Method::GET, "/auth/logout").send().await.unwrap();
    assert_eq!(nobody.status(), 200, "signed in or not");
}

#[tokio::test]
async fn a_session_is_renewed_for_30_days_and_no_longer() {
    let app = App::new().await;
    let token = app.signed_in(1, "bea").await;
    app.database
        .execute("update user_sessions set created_at = now() - interval '30 days' + interval '1 minute'")
        .await;
    let refresh = app.request(Method::POST, "/auth/refresh").bearer_auth(&token).send().await.unwrap();
    let (_, renewed) = said(refresh).await;
    let claims =
        Claims::read(renewed["access_token"].as_str().unwrap(), &Key::new(SECRET_KEY.as_bytes())).unwrap();
    assert!(claims.exp - claims.iat <= 60, "{claims:?}");
}

#[tokio::test]
async fn nobody_is_403_and_a_bad_token_401_in_the_original_envelope() {
    let app = App::new().await;
    let good = app.signed_in(1, "bea").await;
    let key = Key::new(SECRET_KEY.as_bytes());
    let claims = Claims::read(&good, &key).unwrap();
    let expired = Claims { exp: claims.iat - 1, ..claims.clone() }.sign(&key);
    let another = Claims { sub: "2".to_owned(), ..claims.clone() }.sign(&key);
    let forged = claims.sign(&Key::new(b"a key of somebody else's"));
    let api = app.api_token(dria_bench::ledger::tokens::Role::Admin).await;
    for (what, token) in [
        ("expired", &expired),
        ("another's", &another),
        ("forged", &forged),
        ("the API's", &api),
        ("junk", &"x.y.z".to_owned()),
    ] {
        let response = app.get("/auth/me", token).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer", "{what}");
        let (status, body) = said(response).await;
        assert_eq!(
            (status, &body["success"], &body["data"]["status_code"]),
            (401, &json!(false), &json!(401)),
            "{what}"
        );
    }
    for header in [None, Some("Basic YTpi"), Some("Bearer"), Some("Bearer ")] {
        let mut request = app.request(Method::GET, "/auth/me");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let (status, body) = said(request.send().await.unwrap()).await;
        assert_eq!(
            (status, &body["success"], &body["data"]["status_code"]),
            (403, &json!(false), &json!(403)),
            "{header:?}"
        );
    }
    app.database.execute("delete from users").await;
    assert_eq!(app.get("/auth/me", &good).await.status(), 401, "a user who is gone");
}

#[tokio::test]
async fn a_state_is_good_once_and_for_a_while_and_a_code_has_to_be_githubs() {
    let app = App::new().await;
    let account = Account::new(1, "bea");
    let (code, state) = people::allow(&app.server, &app.github, &account).await;
    let refused = async |query: String, status: u16, why: &str| {
        let (got, body) = said(people::come_back(&app.server, &query).await).await;
        assert_eq!(
            (got, &body["success"], &body["data"]["status_code"]),
            (status, &json!(false), &json!(status)),
            "{why}: {body}"
        );
    };
    refused(format!("code={code}&state=made-up"), 400, "a state that never began").await;
    refused(format!("code={code}"), 422, "no state").await;
    refused(format!("state={state}"), 422, "no code").await;
    refused(format!("error=access_denied&state={state}"), 400, "they didn't allow it").await;
    refused(format!("code=nonsense&state={state}"), 400, "a code that isn't GitHub's").await;
    refused(format!("code={code}&state={state}"), 400, "a state that was used").await;
    let (code, state) = people::allow(&app.server, &app.github, &account).await;
    app.database.execute("update sign_ins set expires_at = now()").await;
    refused(format!("code={code}&state={state}"), 400, "a state that is too old").await;
    // The code of one sign-in with the state of another: the challenge doesn't fit.
    let (stolen, _) = people::allow(&app.server, &app.github, &account).await;
    let (_, state) = people::allow(&app.server, &app.github, &account).await;
    refused(format!("code={stolen}&state={state}"), 400, "somebody else's code").await;
    assert_eq!(app.database.count("select count(*) from users").await, 0, "nobody was signed in");
}

#[tokio::test]
async fn whatever_github_does_somebody_is_told_and_nobody_is_signed_in() {
    let app = App::new().await;
    for fault in [
        Fault::Page,
        Fault::PageThatIsFine,
        Fault::Cut,
        Fault::Ours,
        Fault::Forgotten,
        Fault::Endless,
        Fault::Silent,
    ] {
        let (code, state) = people::allow(&app.server, &app.github, &Account::new(1, "bea")).await;
        app.github.fails(fault);
        let (status, body) =
            said(people::come_back(&app.server, &format!("code={code}&state={state}")).await).await;
        assert_eq!(status, 503, "{fault:?}");
        let words = body["message"].as_str().unwrap();
        assert!(words.contains("GitHub can't be asked now") && !words.contains('<'), "{fault:?}: {words}");
        app.github.fails(None);
    }
    assert_eq!(app.database.count("select count(*) from users").await, 0);
    app.signed_in(1, "bea").await;
}

#[tokio::test]
async fn an_address_that_is_kept_secret_or_not_there_is_no_hindrance() {
    let app = App::new().await;
    let mut account = Account::new(1, "bea");
    account.public_email = Some("bea@work.example".to_owned());
    let token = people::sign_in(&app.server, &app.github, &account).await;
    assert_eq!(app.json("/auth/me", &token).await["user"]["email"], "bea@work.example");
    (account.public_email, account.email) = (None, None);
    let token = people::sign_in(&app.server, &app.github, &account).await;
    assert_eq!(app.json("/auth/me", &token).await["user"]["email"], "");
}

#[tokio::test]
async fn an_account_is_known_by_its_number_whatever_it_is_called() {
    let app = App::new().await;
    let before = app.signed_in(9, "bea").await;
    let created = app.json("/auth/me", &before).await["user"]["created_at"].clone();
    let after = app.signed_in(9, "beatrice").await;
    let me = app.json("/auth/me", &after).await;
    assert_eq!((&me["user"]["username"], &me["user"]["created_at"]), (&json!("beatrice"), &created));
    assert_eq!(app.database.count("select version from users").await, 2);
    assert_eq!(app.database.count("select max(version) from outbox where aggregate = 'user'").await, 2);
}

#[tokio::test]
async fn no_token_and_no_code_is_kept_anywhere() {
    let app = App::new().await;
    let account = Account::new(1, "bea");
    let token = people::sign_in(&app.server, &app.github, &account).await;
    let (_, state) = people::allow(&app.server, &app.github, &account).await;
    let kept = app.database.everything().await;
    let (signature, github) = (token.rsplit_once('.').unwrap().1.to_owned(), app.github.tokens().remove(0));
    for secret in [&token, &signature, &github, &state, SECRET_KEY, "code-1"] {
        assert!(!kept.contains(secret), "{secret} is in the database");
    }
    assert!(kept.contains("bea@mail.example"), "what is looked at is the whole database");
}

#[tokio::test]
async fn where_nobody_set_github_up_it_is_said_and_the_rest_works() {
    let app = App::with(|settings| settings.sign_in = config::SignIn::default()).await;
    for path in ["/auth/github/login", "/auth/github/callback?code=a&state=b", "/api/v1/session/github"] {
        let response = app.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let words = response.text().await.unwrap();
        assert!(words.contains("GITHUB_CLIENT_ID"), "{words}");
    }
    let session = said(app.request(Method::GET, "/api/v1/session").send().await.unwrap()).await.1;
    assert_eq!(session, json!({ "who": null, "csrf_token": null, "github": false }));
    assert_eq!(app.request(Method::GET, "/api/v1/runs").send().await.unwrap().status(), 200);
}
