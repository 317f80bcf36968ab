//! The watch at full number: OCSP responders and CRLs, each a target with a host name of its own, probed
//! every period for some seconds, against live services in a process of their own, and kept in a store. Prints what
//! it costs, how punctual it is, and what was found.
//!
//! `cargo run --profile bench -p ctl-bench --bin watch -- [TARGETS] [PERIOD] [SECONDS]`, the period in seconds too.
//!
//! The services are not counted: this program starts itself once more to serve them.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ctl_bench::process::{peak_memory, processor_time};
use ctl_fetch::{Exchange, Fetch, Fetcher, Request};
use ctl_host::clock::SystemClock;
use ctl_pki::Certificate;
use ctl_policy::sla::{BUILT_IN, SlaPolicy};
use ctl_sandbox::live::{Live, Options};
use ctl_sandbox::{PkiKind, PkiSpec};
use ctl_watch::config::Serial;
use ctl_watch::metrics::Metrics;
use ctl_watch::run::StoredMemories;
use ctl_watch::schedule::{self, Counters, Setup};
use ctl_watch::store::{Retention, Store};
use ctl_watch::target::{CrlSubject, OcspSubject};
use ctl_watch::{Aggregator, Kind, Subject, Target, TargetId, aggregator, probe};
use tokio::sync::{mpsc, watch};

/// How many probes may run at once, as by default. All addresses are one here, so one host may have them all.
const CONCURRENCY: usize = 256;
/// How many observations may wait, as in the server.
const OBSERVATIONS: usize = 4096;
/// The first argument of the process that serves.
const SERVE: &str = "serve";
const DAY: i64 = 86_400;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == SERVE) {
        return serve();
    }
    let number = |place: usize, usual: u64| words.get(place).map_or(Ok(usual), |word| word.parse());
    let (targets, period, seconds) = (number(0, 10_000)?, number(1, 30)?, number(2, 90)?);
    measure(usize::try_from(targets)?, Duration::from_secs(period), Duration::from_secs(seconds))
}

/// The process that serves: says what there is, a line for each CA, and serves until its input ends.
fn serve() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let start = unix_time() - DAY;
        let spec = PkiSpec::new(PkiKind::V2g, "Aurora", "NL", "Aurora Charging B.V.", "watch", start);
        let live = Live::start(Options::new(vec![spec])).await?;
        for canaries in live.canaries("aurora")? {
            let good: Vec<String> = canaries.good.iter().map(|good| hex::encode(good.der())).collect();
            let (good, revoked) = (good.join(","), canaries.revoked.join(","));
            println!("{} {good} {revoked}", hex::encode(canaries.issuer.der()));
        }
        println!();
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        end.await??;
        Ok(())
    })
}

/// What one CA's services are judged by.
struct Authority {
    issuer: Arc<Certificate>,
    good: Vec<Arc<Certificate>>,
    revoked: Vec<Box<[u8]>>,
}

impl Authority {
    fn read(line: &str) -> Result<Self, Failure> {
        let certificate = |text: &str| -> Result<Arc<Certificate>, Failure> {
            Ok(Arc::new(Certificate::from_der(&hex::decode(text)?)?))
        };
        let list = |text: &str| text.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect();
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let issuer = certificate(next())?;
        let (good, revoked): (Vec<String>, Vec<String>) = (list(next()), list(next()));
        let good = good.iter().map(|text| certificate(text)).collect::<Result<_, _>>()?;
        let revoked = revoked.into_iter().map(|text| Serial::try_from(text).map(|serial| serial.0));
        Ok(Self { issuer, good, revoked: revoked.collect::<Result<_, _>>()? })
    }

    /// The target of a kind at a host of its own, as far as the CA's certificates name such a service.
    fn target(&self, kind: Kind, host: &str, period: Duration) -> Result<Option<Target>, Failure> {
        let named = |certificate: &Arc<Certificate>| match kind {
            Kind::Ocsp => certificate.ocsp_urls().first().map(|url| (*url).to_owned()),
            _ => certificate.crl_urls().first().map(|url| (*url).to_owned()),
        };
        let Some(named) = self.good.iter().find_map(named) else { return Ok(None) };
        let url = at(&named, host).ok_or_else(|| format!("no address: {named}"))?;
        let issuer = Arc::clone(&self.issuer);
        let subject = match kind {
            Kind::Ocsp => Subject::Ocsp(vec![OcspSubject {
                issuer,
                good: self.good.clone(),
                revoked: self.revoked.clone(),
            }]),
            // The certificates name the CRL by another address, and would make it one of two.
            _ => Subject::Crl(CrlSubject { issuer, covered: Vec::new(), points: vec![url.clone()] }),
        };
        let operator = "anyone".parse()?;
        Ok(Some(Target {
            id: TargetId::of(kind, &operator, &url),
            kind,
            operator,
            lists: Vec::new(),
            url,
            origins: Vec::new(),
            subject,
            period,
        }))
    }
}

/// The same address at another host.
fn at(url: &str, host: &str) -> Option<String> {
    let (authority, path) = url.strip_prefix("http://")?.split_once('/')?;
    let (_, port) = authority.rsplit_once(':')?;
    Some(format!("http://{host}:{port}/{path}"))
}

/// Counters what is asked.
struct Counting {
    fetcher: Fetcher,
    exchanges: AtomicU64,
}

impl Fetch for Counting {
    fn fetch<'a>(&'a self, request: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.fetcher.fetch(request)
    }
}

fn measure(wanted: usize, period: Duration, length: Duration) -> Result<(), Failure> {
    let mut services = Command::new(std::env::current_exe()?)
        .arg(SERVE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = services.stdout.take().ok_or("the services say nothing")?;
    let mut authorities = Vec::new();
    for line in BufReader::new(output).lines() {
        match line? {
            line if line.is_empty() => break,
            line => authorities.push(Authority::read(&line)?),
        }
    }
    let mut hosts = BTreeMap::new();
    let targets = targets(&authorities, wanted, period, &mut hosts)?;
    let run = run(targets, hosts, length);
    // Its input ends with this, and with that the process.
    drop(services.stdin.take());
    services.wait()?;
    run
}

/// OCSP responders and CRLs in turn, of all CAs in turn, each at a host of its own.
fn targets(
    authorities: &[Authority],
    wanted: usize,
    period: Duration,
    hosts: &mut BTreeMap<String, Vec<IpAddr>>,
) -> Result<Vec<Arc<Target>>, Failure> {
    let mut targets = Vec::new();
    let choices: Vec<_> =
        authorities.iter().flat_map(|one| [Kind::Ocsp, Kind::Crl].map(|kind| (one, kind))).collect();
    let mut choices = choices.into_iter().cycle();
    // Some CAs' certificates name no service; if none does, this must end all the same.
    for number in 0..wanted.saturating_mul(10) {
        let Some((authority, kind)) = choices.next().filter(|_| targets.len() < wanted) else { break };
        let host = format!("t{number}.example");
        if let Some(target) = authority.target(kind, &host, period)? {
            hosts.insert(host, vec![Ipv4Addr::LOCALHOST.into()]);
            targets.push(Arc::new(target));
        }
    }
    if targets.is_empty() { Err("no service is named".into()) } else { Ok(targets) }
}

/// What was observed, by kind, and how often each code was found.
fn seen(aggregator: &Aggregator) -> (BTreeMap<Kind, u64>, BTreeMap<String, u64>) {
    let (mut probes, mut codes) = (BTreeMap::new(), BTreeMap::new());
    for ((_, kind), standing) in &aggregator.levels().services {
        *probes.entry(*kind).or_default() += standing.rolling.valid();
        for (code, count) in &standing.rolling.reasons {
            *codes.entry(code.clone()).or_default() += count;
        }
    }
    (probes, codes)
}

fn run(
    targets: Vec<Arc<Target>>,
    hosts: BTreeMap<String, Vec<IpAddr>>,
    length: Duration,
) -> Result<(), Failure> {
    let most = NonZeroUsize::new(CONCURRENCY).ok_or("no probe may run")?;
    let config = ctl_fetch::Options {
        allow: vec!["127.0.0.0/8".parse()?],
        ports: vec!["1-65535".parse()?],
        concurrency: most,
        per_host: most,
        hosts,
        ..ctl_fetch::Options::default()
    };
    let policy = Arc::new(SlaPolicy::parse(BUILT_IN)?);
    let directory = tempfile::tempdir()?;
    let store = Arc::new(Store::open(directory.path(), Retention::default())?);
    let aggregating = aggregator::Setup {
        store: Arc::clone(&store),
        policy: Arc::clone(&policy),
        clock: Arc::new(SystemClock::new()),
        metrics: Arc::new(Metrics::new()?),
    };
    let fetch = Arc::new(Counting { fetcher: Fetcher::new(&config)?, exchanges: AtomicU64::new(0) });
    let counters = Arc::new(Counters::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let how_many = targets.len();
    let period = targets.first().map_or(Duration::ZERO, |target| target.period);
    let (_give, following) = watch::channel(Arc::from(targets.as_slice()));
    let (observations, inbox) = mpsc::channel(OBSERVATIONS);
    let setup = Setup {
        probes: probe::all(),
        fetch: Arc::clone(&fetch) as Arc<dyn Fetch>,
        limits: Arc::new(move |target| policy.limits(target.operator.as_str(), target.kind)),
        now_ms: Arc::new(now_ms),
        targets: following,
        observations,
        memory_store: Arc::new(StoredMemories(Arc::clone(&store))),
        concurrency: CONCURRENCY,
        per_host: CONCURRENCY,
        counters: Arc::clone(&counters),
    };
    let (begin, processor_before) = (Instant::now(), processor_time()?);
    let aggregator = runtime.block_on(async {
        let (aggregator, _) = Aggregator::start(aggregating, inbox)?;
        aggregator.watch(targets).await;
        let schedule = tokio::spawn(schedule::run(setup));
        tokio::time::sleep(length).await;
        schedule.abort();
        aggregator.settle().await;
        Ok::<_, Failure>(aggregator)
    })?;
    let (took, processor) = (begin.elapsed().as_secs_f64(), processor_time()? - processor_before);
    let (counted, exchanges) = (counters.read(), fetch.exchanges.load(Ordering::Relaxed));
    let (probes, codes) = seen(&aggregator);
    let done: u64 = probes.values().sum();
    let kinds: Vec<String> = probes.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("{how_many} targets, every {} s, for {took:.0} s", period.as_secs());
    println!("| processor time | of one processor | peak memory | exchanges | each | store |");
    println!("|---|---|---|---|---|---|");
    println!(
        "| {processor:.1} s | {:.0} % | {} MiB | {exchanges} | {:.0} µs | {} MiB |",
        100.0 * processor / took,
        peak_memory()? / 1024,
        1e6 * processor / exchanges.max(1) as f64,
        store.bytes_on_disk() / (1 << 20)
    );
    println!("\n| probes started | done | late, mean | late, at most | overruns | missed | lost |");
    println!("|---|---|---|---|---|---|---|");
    println!(
        "| {} | {done} ({}) | {:.2} ms | {} ms | {} | {} | {} |",
        counted.started,
        kinds.join(", "),
        counted.late_ms as f64 / counted.started.max(1) as f64,
        counted.latest_ms,
        counted.overrun,
        counted.missed,
        counted.lost
    );
    let found: Vec<String> = codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
    println!("\nfindings: {}", if found.is_empty() { "none".to_owned() } else { found.join(", ") });
    Ok(())
}

fn unix_time() -> i64 {
    now_ms().div_euclid(1000)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
