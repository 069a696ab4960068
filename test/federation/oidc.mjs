// An OpenID provider, oidc-provider, on a free port of 127.0.0.1. It knows one
// client, which may be told by the environment, and lets anybody in who types a
// name. It prints its issuer.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.argv[2] + '/package.json');
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const tags = 'https://aws.amazon.com/tags';
const source = 'https://aws.amazon.com/source_identity';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'lab', client_secret: 'lab-secret', redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code'], response_types: ['code'],
    }],
    jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: 'first' }] },
    cookies: { keys: ['a secret of the lab'] },
    conformIdTokenClaims: false,
    claims: { openid: ['sub', 'email', tags, source] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id, email: `${id}@example.com`, [source]: id,
        [tags]: { principal_tags: { Team: ['red'] }, transitive_tag_keys: ['Team'] },
      }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
