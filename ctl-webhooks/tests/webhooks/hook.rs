//! A subscriber's endpoint, by a name that the tests' configuration knows.

use ctl_sandbox::subscriber::Subscriber;
pub use ctl_sandbox::subscriber::{Received, Says};
use serde_json::Value;

use crate::told::until;

/// A subscriber's endpoint.
pub struct Hook(Subscriber);

impl std::ops::Deref for Hook {
    type Target = Subscriber;

    fn deref(&self) -> &Subscriber {
        &self.0
    }
}

impl Hook {
    pub async fn at(address: &str, says: Says) -> Self {
        Self(Subscriber::at(address.parse().unwrap(), says).await.unwrap())
    }

    pub async fn says(says: Says) -> Self {
        Self::at("127.0.0.1:0", says).await
    }

    pub fn url(&self) -> String {
        format!("http://hooks.example:{}/payload?tenant=7", self.address().port())
    }

    /// Waits until so many requests have come, and gives them.
    pub async fn has(&self, count: usize) -> Vec<Received> {
        until(&format!("{count} requests at {}", self.address()), async || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }
}

/// The event that came.
pub fn event(received: &Received) -> Value {
    serde_json::from_slice(&received.body).unwrap()
}
