// A real OpenID Connect provider (npm oidc-provider) for the tests: one person signs in without being asked.
// POST /said changes who they are. The client "proconnect" is as strict as ProConnect is.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [modules, port, callback] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(path.join(modules, "oidc-provider/lib/index.js")).href);
const issuer = `http://127.0.0.1:${port}`;
let said = { sub: "u1", email: "agent@ville.example", email_verified: true, name: "Agent", groups: [], acr: "eidas1", amr: ["pwd"] };

const secret = "un-secret-de-test-assez-long-pour-hs256-0123456789";
const client = (name, more) => ({
  client_id: name,
  client_secret: secret,
  redirect_uris: [`${callback}/${name}/callback`],
  post_logout_redirect_uris: [callback.replace("/api/v1/session/with", "/connexion")],
  backchannel_logout_uri: `${callback}/${name}/logout`,
  backchannel_logout_session_required: true,
  token_endpoint_auth_method: "client_secret_post",
  grant_types: ["authorization_code"],
  response_types: ["code"],
  ...more,
});

const provider = new Provider(issuer, {
  clients: [client("ville"), client("proconnect", { userinfo_signed_response_alg: "RS256" })],
  acrValues: ["eidas1", "eidas1-mfa", "eidas2"],
  claims: {
    openid: ["sub", "sid"], acr: null, auth_time: null, iss: null,
    profile: ["name", "preferred_username", "groups", "realm_access"], email: ["email", "email_verified"],
    given_name: ["given_name"], usual_name: ["usual_name"], uid: ["uid"], siret: ["siret"],
    idp_id: ["idp_id"], organization_label: ["organization_label"], roles: ["roles"],
  },
  scopes: ["openid", "profile", "email", "given_name", "usual_name", "uid", "siret", "idp_id", "organization_label", "roles"],
  conformIdTokenClaims: true,
  cookies: { keys: ["test"] },
  pkce: { required: () => false },
  jwks: { keys: JSON.parse(readFileSync(0, "utf8")) },
  features: {
    devInteractions: { enabled: false },
    jwtUserinfo: { enabled: true },
    claimsParameter: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource: async (ctx, form) => { ctx.body = form; } },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ ...said, sub: id }) }),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope(ctx.oidc.params.scope);
    grant.addOIDCClaims(["acr"]);
    await grant.save();
    return grant;
  },
});

const KNOWN = new Set(["response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "claims", "acr_values", "prompt", "login_hint", "idp_hint"]);
provider.use(async (ctx, next) => {
  const asked = new URL(ctx.href).searchParams;
  if (ctx.path === "/auth" && asked.get("client_id") === "proconnect") {
    const odd = [...asked.keys()].find((key) => !KNOWN.has(key));
    const short = ["state", "nonce"].find((key) => (asked.get(key) ?? "").length < 32);
    if (odd || short) { ctx.status = 400; ctx.body = `Y000400 ${odd ?? short}`; return; }
    if (said.careless) { asked.delete("claims"); ctx.url = `/auth?${asked}`; } // demands are forgotten
  }
  if (ctx.path === "/said" && ctx.method === "POST") {
    const parts = [];
    for await (const part of ctx.req) parts.push(part);
    said = { ...said, ...JSON.parse(Buffer.concat(parts).toString()) };
    ctx.status = 204;
    return;
  }
  if (ctx.path.startsWith("/interaction/")) {
    const { sub, acr, amr } = said;
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: sub, acr, amr } }, { mergeWithLastSubmission: false });
    ctx.respond = false;
    return;
  }
  await next();
});
provider.on("server_error", (ctx, error) => console.error(error));
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
