// The root pool as a charging-station back end written in JavaScript asks for it, like CitrineOS: a token by a form, the pool
// with it, a new token once after 401 or 403, nothing but 200 is an answer, each certificate is decoded or all is refused; and
// the V2G root is the last certificate of /.well-known/cpo/cacerts.
// back_end.mjs URL CLIENT SECRET AUDIENCE [TOKEN]: prints what it found as JSON. TOKEN is one that it believes to have.

import { X509Certificate } from "node:crypto";
import { execFileSync } from "node:child_process";

const [url, client, secret, audience, remembered] = process.argv.slice(2);
let token = remembered;
let tokens = 0;

async function fetchToken() {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: client,
    client_secret: secret,
    audience,
  });
  const answer = await fetch(`${url}/oauth/token`, { method: "POST", body: form });
  if (answer.status !== 200) throw new Error(`token: ${answer.status} ${await answer.text()}`);
  const { access_token, expires_in, token_type } = await answer.json();
  if (!access_token || !(expires_in > 0) || token_type.toLowerCase() !== "bearer") throw new Error("no token");
  tokens += 1;
  token = access_token;
}

async function ask(path) {
  if (!token) await fetchToken();
  const request = () =>
    fetch(`${url}${path}`, { headers: { Accept: "application/json", Authorization: `Bearer ${token}` } });
  let answer = await request();
  if (answer.status === 401 || answer.status === 403) {
    await fetchToken();
    answer = await request();
  }
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

const pool = await (await ask("/v1/root/rootCerts")).json();
const roots = pool.RootCertificateCollection.rootCertificates.map((root) => {
  const certificate = new X509Certificate(Buffer.from(root.caCertificate, "base64"));
  return {
    id: root.rootCertificateId,
    type: root.rootType,
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    said: root.fingerprint,
  };
});

const body = await (await ask("/.well-known/cpo/cacerts")).text();
const der = Buffer.from(body.replace(/\s/g, ""), "base64");
const printed = execFileSync("openssl", ["pkcs7", "-inform", "DER", "-print_certs"], { input: der }).toString();
const blocks = printed.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
const last = new X509Certificate(blocks.at(-1));

console.log(
  JSON.stringify({
    roots,
    tokens,
    installed: last.fingerprint256.replaceAll(":", "").toLowerCase(),
    selfSigned: last.checkIssued(last),
    sent: blocks.length,
  }),
);
