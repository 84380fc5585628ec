//! Ways into the room for benches and fuzz targets, which see public items only. No part of the library's interface.

pub use super::{
    client::probe::{Answer, answer},
    executor::probe::record,
};
