//! HTTP for the programs that serve: a listener that holds out against slow and greedy callers, one table of routes,
//! answers, and problems in words.
//!
//! A program hands in two things: a [`Service`], which is what its handlers work with, and a [`Table`] of
//! [`Route`]s, from which come warp's filters, the labels of the metrics and the OpenAPI document.
//! [`serve()`] then does the rest:
//!
//! ```text
//! connection ─ admission, timeouts ─ (TLS) ─ well formed? ─┬─ a prepared file   (Service::file)
//!                                                          ├─ bytes of the disk (Service::transfer)
//!                                                          └─ a route's handler (warp), expensive ones from a queue
//! ```
//!
//! Before there is a service, [`starting::serve`] answers on the same [`Listeners`]. A [`Program`](program::Program) is all of
//! this from a process's start to its end.
#![forbid(unsafe_code)]

pub mod answer;
pub mod body;
pub mod conditional;
mod connections;
pub mod encoding;
pub mod family;
pub mod file;
pub mod forward;
mod handler;
pub mod limits;
mod listeners;
pub mod metrics;
pub mod openapi;
pub mod operation;
mod page;
pub mod problem;
pub mod program;
mod queue;
mod reader;
mod refusal;
mod request;
mod server;
mod service;
pub mod settings;
pub mod starting;
pub mod table;
mod tls;
mod write_timeout;

pub use body::Source;
pub use connections::Answering;
pub use file::{FileBody, Readers};
pub use limits::Client;
pub use listeners::{Addresses, ListenError, Listeners};
pub use page::Page;
pub use problem::Problem;
pub use request::Call;
pub use server::serve;
pub use service::{Files, Moment, Service, Transfer};
pub use settings::Http;
pub use table::{Cost, Route, Table};
pub use tls::{ClientCertificate, TlsError};
