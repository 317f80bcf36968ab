//! The configuration as `init` writes it: what a person may say, beside what is said.

use serde::Serialize;

use super::{Config, SinkConfig};
use crate::local::Local;
use crate::metrics::MetricsConfig;
use crate::report::ReportConfig;

impl Config {
    pub(super) fn annotated(&self) -> Result<String, String> {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let lists: Vec<String> = self.lists.iter().map(|list| text(list.as_str())).collect();
        let proxy = match &self.proxy {
            Some(proxy) => format!("proxy = {}", text(proxy)),
            None => "# proxy = \"http://proxy.example:3128\"".into(),
        };
        let device = match &self.device {
            Some(device) => format!("device = {}", text(device)),
            None => "# device = \"cp-17\"".into(),
        };
        let Self { local, report, metrics, sink, .. } = self;
        let tables = Tables { local, report, metrics, sink };
        let tables = toml::to_string(&tables).map_err(|error| error.to_string())?;
        Ok(format!(
            "# What this device follows and where it puts it. Written by `ctl-client init`; edit freely\n\
             # except [identity].\n\
             \n\
             # The repository: https://…, or file:///… for a directory or USB stick.\n\
             url = {url}\n\
             # The lists to follow; [] for every list of the scheme. Removal wins: what one of them distrusts\n\
             # is not taken from another.\n\
             lists = [{lists}]\n\
             # Whether to keep the registry of mobility-operator identifiers.\n\
             registry = {registry}\n\
             # false if this device's clock cannot be believed: then time is the latest that was ever\n\
             # signed, and nobody can tell how fresh a list is.\n\
             clock = {clock}\n\
             # Without this line HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are honoured.\n\
             {proxy}\n\
             # Seconds from one sync to the next, ± a fifth. `status` fails after two of them without a sync\n\
             # that succeeded: say here how often cron or a person with a stick syncs.\n\
             interval_seconds = {interval}\n\
             # How long past its next update a list's age is a warning before it is an error. The list\n\
             # stays in force either way.\n\
             grace_seconds = {grace}\n\
             # What you call this device: for roll-outs and reports.\n\
             {device}\n\
             \n\
             # Do not edit: the root.json that everything starts from.\n\
             [identity]\n\
             root_sha256 = \"{root}\"\n\
             scheme = \"{scheme}\"\n\
             environment = \"{environment}\"\n\
             \n\
             # What you say beside the lists. It only takes away or delays: nothing of it adds trust or delays a removal.\n\
             #   [[local.distrust]]  sha256 = \"…\", reason = \"…\", kind = \"certificate\" or \"spki\": never trusted here\n\
             #   [[local.hold]]      list = \"na\", sequence = 7, reason = \"…\": what later versions add waits\n\
             #   [local.rollout]     stages = [{{ after_hours = 0, percent = 5 }}, {{ after_hours = 24, percent = 100 }}]:\n\
             #                       what a list adds is taken up first by some devices; gate = \"https://…\" may pause it\n\
             # After each sync that changed something, the status of this device as JSON to an address of yours, such as\n\
             # that of `ctl-client collect`; it needs device above. What fails is a note, and tried again.\n\
             #   [report]          url = \"https://…\", http:// on this machine only; token_file = \"…\", of mode 0600, with\n\
             #                     what proves who reports; every_hours = 24, at least so often if nothing changes\n\
             # For Prometheus, after each sync.\n\
             #   [metrics]         textfile = \"…/ctl_client.prom\", in the directory of node_exporter's textfile collector\n\
             # Where anchors go; as many [[sink]] as you like.\n\
             #   kind = \"pem\"      one file for each anchor and one bundle for each use, in <path>/current/\n\
             #   kind = \"everest\"  <path>/ca/v2g/V2G_ROOT_CA.pem and <path>/ca/mo/MO_ROOT_CA.pem;\n\
             #                     ctl_folder = \"…\", EVerest's folder of trust lists: a .p7c of the same beside them\n\
             #   kind = \"josev\"    v2gRootCACert.pem and its like in <path>/iso15118_2/certs and iso15118_20/certs; a .der\n\
             #                     takes one root: order = [\"<SHA-256>\", …] says which, the first that is trusted\n\
             #   kind = \"p7c\"      <path>, a file: certs-only PKCS#7 of all anchors\n\
             #   kind = \"manifest\" <path>, a file: what is trusted, and by which names, as JSON\n\
             #   kind = \"command\"  program = [\"/usr/local/bin/take\"] is given a folder of all of it and a file of what\n\
             #                     changed, and again until it succeeds within seconds = 60\n\
             #   kind = \"citrineos\", \"steve\", \"maeve\"  charging stations behind a back end, by its API: url = \"https://…\",\n\
             #                     stations = \"<file with an id a line>\", and for citrineos tenant = 1 and\n\
             #                     callback = {{ listen = \"127.0.0.1:8099\" }}; not in a gateway's build\n\
             #   selection = {{ file = \"…\", key = \"…\" }}  takes only the roots that `ctl-admin sign-off` signed for, of those\n\
             #                     that are trusted\n\
             #   keep_foreign      certificates that others put there stay, unless they are distrusted; false\n\
             #                     replaces them\n\
             #   check_before_change  a command and its arguments; it is given the directory of the new files as\n\
             #                     last argument, and nothing is changed unless it succeeds within a minute: not\n\
             #                     even what is suspended goes, so let it fail for good reasons only\n\
             #   run_after_change  a command and its arguments, such as [\"systemctl\", \"restart\", \"everest\"]\n\
             #   kind = \"citrineos\", \"steve\", \"maeve\"  the charging stations in the file stations = \"/…\", behind the back\n\
             #                     end at url = \"…\"; rollout = {{ stages = [{{ after_hours = 0, percent = 5 }}, …] }}: what the\n\
             #                     lists add reaches so many of them first; it pauses when pause_percent = 10 refuse\n\
             \n\
             {tables}",
            url = text(&self.url),
            lists = lists.join(", "),
            registry = self.registry,
            clock = self.clock,
            interval = self.interval_seconds,
            grace = self.grace_seconds,
            root = self.identity.root_sha256,
            scheme = self.identity.scheme,
            environment = self.identity.environment,
        ))
    }
}

/// What is written as it is read.
#[derive(Serialize)]
struct Tables<'a> {
    #[serde(skip_serializing_if = "is_silent")]
    local: &'a Local,
    report: &'a Option<ReportConfig>,
    metrics: &'a Option<MetricsConfig>,
    // An empty list would be taken for one of the table above it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sink: &'a [SinkConfig],
}

fn is_silent(local: &&Local) -> bool {
    **local == Local::default()
}
