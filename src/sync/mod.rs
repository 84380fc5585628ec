//! What other sites read and write, in a MongoDB database: the only room that speaks to one.

pub mod import;
