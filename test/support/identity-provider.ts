import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: Parameters<SignJWT['sign']>[0];
  readonly jwk: object;
}

export const AUDIENCE = 'abnormal-gateway';
export const ISSUER = 'https://login.example.test/';

/** An identity provider on loopback: it serves its public keys, and signs what it is told to. */
export class IdentityProvider {
  /** What it answers; a test may break it. */
  answer: 'KEYS' | 'ERROR' | 'NO_KEYS' | 'HANGS_UP' | 'REDIRECT' | 'HUGE' = 'KEYS';
  fetches = 0;
  private keys: readonly SigningKey[] = [];
  private close: () => Promise<void> = async () => {};
  jwksUrl = '';

  static async start(alg = 'ES256'): Promise<IdentityProvider> {
    const provider = new IdentityProvider();
    await provider.rotate(alg);
    await provider.listen();
    return provider;
  }

  /** Puts a new key in the place of all before. */
  async rotate(alg = 'ES256'): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `key-${this.keys.length}-${alg}-${Math.random().toString(36).slice(2)}`;
    const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
    this.keys = [{ kid, alg, privateKey, jwk }];
  }

  /** The public keys as they are served. */
  get publicKeys(): readonly object[] {
    return this.keys.map(({ jwk }) => jwk);
  }

  /** A token that lets in, but for what is changed; `undefined` leaves a claim out. */
  async token(changes: JWTPayload = {}, now = Date.now()): Promise<string> {
    const [key] = this.keys;
    if (!key) throw new Error('no key');
    const seconds = Math.floor(now / 1000);
    const usual = { sub: 'person-1', role: 'reader', aud: AUDIENCE, iss: ISSUER };
    const times = { iat: seconds, exp: seconds + 300 };
    const claims = Object.entries({ ...usual, ...times, ...changes }).filter(
      ([, value]) => value !== undefined,
    );
    return new SignJWT(Object.fromEntries(claims))
      .setProtectedHeader({ alg: key.alg, kid: key.kid })
      .sign(key.privateKey);
  }

  stop(): Promise<void> {
    return this.close();
  }

  private async listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.fetches += 1;
      if (this.answer === 'HANGS_UP') response.destroy();
      else if (this.answer === 'ERROR') response.writeHead(500).end('no');
      else if (this.answer === 'REDIRECT' && request.url === '/jwks.json')
        response.writeHead(302, { location: '/elsewhere.json' }).end();
      else if (this.answer === 'HUGE')
        response.end(JSON.stringify({ keys: this.publicKeys, more: 'x'.repeat(1024 * 1024) }));
      else if (this.answer === 'NO_KEYS') response.end('{"hello": "world"}');
      else response.end(JSON.stringify({ keys: this.publicKeys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    this.close = () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
  }
}
