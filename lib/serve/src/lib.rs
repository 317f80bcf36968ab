//! HTTP for the programs that serve: a listener that holds out against slow and greedy callers, one table of routes,
//! answers, and problems in words.
//!
//! A program hands in two things: a [`Service`], which is what its handlers work with, and a [`Table`] of
//! [`Route`]s, from which come warp's filters, the labels of the metrics and the OpenAPI document.
//! [`serve()`] then does the rest:
//!
//! ```text
//! connection ─ seats, header and write timeouts ─ well formed? ─┬─ a prepared file   (Service::file)
//!                                                               ├─ bytes of the disk (Service::transfer)
//!                                                               └─ a route's handler (warp), expensive ones in a lane
//! ```
//!
//! Before there is a service, [`starting::serve`] answers on the same listener.
#![forbid(unsafe_code)]

pub mod answer;
pub mod body;
mod call;
pub mod encoding;
pub mod family;
pub mod file;
mod house;
mod lane;
pub mod limits;
pub mod metrics;
pub mod openapi;
mod page;
pub mod problem;
mod refusal;
mod server;
mod service;
pub mod settings;
mod stall;
pub mod starting;
pub mod table;

pub use body::Source;
pub use call::Call;
pub use file::{FileBody, Readers};
pub use house::Answering;
pub use limits::{Client, Limits};
pub use page::Page;
pub use problem::Problem;
pub use server::serve;
pub use service::{Files, Moment, Service, Transfer};
pub use table::{Cost, Route, Table};
