//! Waiting for what others do: looked at again and again, with a deadline.

use std::time::{Duration, Instant};

use crate::Problem;

/// Whatever is waited for comes within a second or two; a loaded machine gets more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Tries until something comes of it.
pub(crate) async fn until<T>(
    what: impl Into<String>,
    mut attempt: impl AsyncFnMut() -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt().await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(Problem::Late { what: what.into(), waited: PATIENCE });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_error_ends_the_waiting_and_so_does_a_result() {
        let mut left = 3;
        let counted = until("a count", async || {
            left -= 1;
            Ok((left == 0).then_some("done"))
        });
        assert_eq!(counted.await.unwrap(), "done");
        let failed = until::<()>("nothing", async || Err(Problem::Unexpected("no".into()))).await;
        assert_eq!(failed.unwrap_err().to_string(), "no");
    }
}
