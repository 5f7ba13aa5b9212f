// An OpenID Connect provider for tests. Reads its configuration, {host, port, keys}, as JSON from its first argument, and prints
// its URL once it listens. Beside the standard's endpoints there is one for tests: /mint gives a user's token without a browser.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const { host, port, keys } = JSON.parse(process.argv[2]);
const users = { ann: { groups: ["lab"] }, bob: { groups: ["office", "lab"] } };
let provider;

const server = createServer(async (request, response) => {
  const url = new URL(request.url, provider.issuer);
  if (url.pathname === "/mint") {
    response.end(await mint(Object.fromEntries(url.searchParams)));
  } else {
    provider.callback()(request, response);
  }
});

async function mint({ sub, resource }) {
  const client = await provider.Client.find("tesk");
  const grant = new provider.Grant({ accountId: sub, clientId: client.clientId });
  grant.addOIDCScope("openid groups");
  const token = new provider.AccessToken({
    accountId: sub, client, grantId: await grant.save(), gty: "authorization_code", scope: "openid groups",
    claims: {}, expiresWithSession: false,
  });
  if (resource) token.resourceServer = new provider.ResourceServer(resource, resourceServer(resource));
  return token.save();
}

function resourceServer(resource) {
  const accessTokenFormat = resource.endsWith(":opaque") ? "opaque" : "jwt";
  return { audience: resource, scope: "openid groups tasks", accessTokenFormat };
}

server.listen(port, host, () => {
  const issuer = `http://${host}:${server.address().port}`;
  provider = new Provider(issuer, {
    jwks: { keys },
    scopes: ["openid", "groups", "tasks"],
    claims: { openid: ["sub"], groups: ["groups"] },
    clients: ["tesk", "pipeline"].map((name) => ({
      client_id: name, client_secret: `${name}-secret`, grant_types: ["client_credentials"], redirect_uris: [], response_types: [],
    })),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => resourceServer(resource),
      },
    },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...users[sub] }) }),
    extraTokenClaims: (_, token) => (token.accountId && token.resourceServer ? users[token.accountId] : undefined),
  });
  console.log(issuer);
});
