//! What many routes may answer instead, each described once for the OpenAPI document: a route names those it has.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

macro_rules! refusals {
    ($($name:ident: $status:literal $description:literal;)*) => {$(
        #[doc = $description]
        pub(super) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let body = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new().description($description).content("application/problem+json", body);
                BTreeMap::from([($status.to_owned(), response.build().into())])
            }
        }
    )*};
}

refusals! {
    NoToken: "401" "No token that is in force";
    BadToken: "401" "A token that is not in force";
    SignedOut: "401" "Nobody is signed in, or the access token isn't in force";
    NotOne: "403" "A token of the API, which is nobody in particular; or a write with the cookie and without `X-CSRF-Token`";
    BelowOperator: "403" "A role below operator";
    BelowAdmin: "403" "A role below admin";
    BadParameters: "422" "Parameters that can't be used";
}
