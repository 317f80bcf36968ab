//! Expensive requests: a few at a time, on threads of their own, and not the same one twice in a moment.
//!
//! Each client has a few places in the queue and the queue an end, so that nobody who asks much makes others
//! wait for long. An answer is computed to its end even if its caller has gone away: it is there for the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ctl_core::Digest;
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use warp::http::{Response, StatusCode};

use crate::body::{ApiBody, full};
use crate::encoding::Coding;
use crate::limits::Client;
use crate::problem::Problem;
use crate::service::Moment;

/// Expensive requests that wait or are answered, in all and for one client.
const QUEUE: usize = 64;
const QUEUE_OF_CLIENT: usize = 8;
/// How many answers are kept, and how many bytes of them.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What makes two requests the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// Path and query.
    pub(crate) uri: String,
    /// The media types that are accepted.
    pub(crate) accept: String,
    /// How the answer is compressed, if it is.
    pub(crate) coding: Option<Coding>,
    /// The certificate that the caller has shown.
    pub(crate) certificate: Option<Digest>,
    /// Those in its headers.
    pub(crate) credentials: Option<Digest>,
    /// When they came.
    pub(crate) moment: Moment,
}

type Answer = Response<Bytes>;

/// A queue for expensive requests.
#[derive(Clone)]
pub(crate) struct Queue {
    running: Arc<Semaphore>,
    waiting: Arc<Mutex<HashMap<Client, usize>>>,
    /// How long an answer is given again.
    fresh: Duration,
    kept: Arc<Mutex<HashMap<Question, (Instant, Answer)>>>,
}

/// A place in the queue.
struct Place {
    queue: Queue,
    client: Client,
}

impl Queue {
    /// A queue that computes `at_once` requests at a time, and gives the same answer again while it is `fresh`.
    pub(crate) fn new(at_once: usize, fresh: Duration) -> Self {
        let running = Arc::new(Semaphore::new(at_once));
        Self { running, waiting: Arc::default(), fresh, kept: Arc::default() }
    }

    /// Answers a question: with what was just told to somebody else, or when its turn has come. What is no question that
    /// anybody else may have (a body came with it) is none, and its answer is not kept.
    ///
    /// # Errors
    /// 503 if too many wait, and the fault of a computation that panicked.
    pub(crate) async fn answer(
        &self,
        client: Client,
        question: Option<Question>,
        compute: impl Future<Output = Response<ApiBody>> + Send + 'static,
    ) -> Result<Answer, Problem> {
        if let Some(answer) = question.as_ref().and_then(|question| self.fresh(question)) {
            return Ok(answer);
        }
        let place = self.place(client)?;
        let running =
            self.running.clone().acquire_owned().await.map_err(|error| Problem::internal(&error))?;
        // Somebody who was before in the queue may have asked the same.
        if let Some(answer) = question.as_ref().and_then(|question| self.fresh(question)) {
            return Ok(answer);
        }
        let (queue, runtime) = (self.clone(), Handle::current());
        let computed = tokio::task::spawn_blocking(move || {
            let _until_the_end = (running, place);
            let answer = runtime.block_on(async {
                let (head, body) = compute.await.into_parts();
                let body = body.collect().await.map_err(|error| Problem::internal(&error))?;
                Ok::<_, Problem>(Response::from_parts(head, body.to_bytes()))
            })?;
            if let Some(question) = question {
                queue.keep(question, &answer);
            }
            Ok(answer)
        });
        computed.await.map_err(|error| Problem::internal(&error))?
    }

    fn place(&self, client: Client) -> Result<Place, Problem> {
        let mut waiting = self.waiting();
        let (all, own) = (waiting.values().sum::<usize>(), waiting.get(&client).copied().unwrap_or(0));
        if all >= QUEUE || own >= QUEUE_OF_CLIENT {
            return Err(Problem::busy("too many expensive requests wait: try again in a moment"));
        }
        waiting.insert(client, own.saturating_add(1));
        Ok(Place { queue: self.clone(), client })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, question: &Question) -> Option<Answer> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(question).filter(|(at, _)| at.elapsed() < self.fresh).map(|(_, answer)| answer.clone())
    }

    fn keep(&self, question: Question, answer: &Answer) {
        if answer.status() != StatusCode::OK {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| at.elapsed() < self.fresh);
        let bytes: usize = kept.values().map(|(_, answer)| answer.body().len()).sum();
        if kept.len() < KEPT && bytes.saturating_add(answer.body().len()) <= KEPT_BYTES {
            kept.insert(question, (Instant::now(), answer.clone()));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        if let Some(own) = waiting.get_mut(&self.client) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                waiting.remove(&self.client);
            }
        }
    }
}

/// The answer as the others have theirs.
pub(crate) fn made(answer: Answer) -> Response<ApiBody> {
    answer.map(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn client(number: u8) -> Client {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)).into()
    }

    fn question(path: &str) -> Question {
        Question {
            uri: path.into(),
            accept: String::new(),
            coding: None,
            certificate: None,
            credentials: None,
            moment: Moment::default(),
        }
    }

    fn says(text: &'static str) -> Response<ApiBody> {
        made(Response::new(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_hundred_who_ask_the_same_are_answered_once() {
        let (queue, computed) = (Queue::new(1, Duration::from_secs(60)), Arc::new(AtomicUsize::new(0)));
        let asking = (0..60).map(|number| {
            let (queue, computed) = (queue.clone(), computed.clone());
            tokio::spawn(async move {
                let compute = async move {
                    computed.fetch_add(1, Ordering::SeqCst);
                    says("sixteen matrices")
                };
                queue.answer(client(number), Some(question("/v1/applications/7")), compute).await.unwrap()
            })
        });
        for answer in asking.collect::<Vec<_>>() {
            assert_eq!(answer.await.unwrap().body(), "sixteen matrices");
        }
        assert_eq!(computed.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_asks_much_and_goes_away_pays_with_places_and_others_are_answered() {
        let queue = Queue::new(2, Duration::ZERO);
        let (go_on, wait) = tokio::sync::watch::channel(false);
        let mut asked = Vec::new();
        for number in 0..QUEUE_OF_CLIENT {
            let (queue, mut wait) = (queue.clone(), wait.clone());
            asked.push(tokio::spawn(async move {
                let compute = async move {
                    wait.wait_for(|go_on| *go_on).await.unwrap();
                    says("slow")
                };
                queue.answer(client(1), Some(question(&number.to_string())), compute).await
            }));
        }
        while queue.waiting().get(&client(1)) != Some(&QUEUE_OF_CLIENT)
            || queue.running.available_permits() > 0
        {
            tokio::task::yield_now().await;
        }
        let more = queue.answer(client(1), Some(question("more")), async { says("never") }).await;
        assert_eq!(more.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        // Those that are computed go on without anybody listening, and keep their places until then.
        asked.iter().for_each(tokio::task::JoinHandle::abort);
        for asked in asked {
            assert!(asked.await.is_err());
        }
        assert_eq!(queue.waiting().get(&client(1)), Some(&2));
        assert_eq!(queue.running.available_permits(), 0);
        let other = queue.answer(client(2), Some(question("other")), async { says("other") });
        go_on.send(true).unwrap();
        assert_eq!(other.await.unwrap().body(), "other");
    }
}
