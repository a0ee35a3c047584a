import { Agent as HttpAgent, type ClientRequest, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { certificateRefused, isCertificateError } from './s3-certificate.ts';
import { type HttpAnswer, HttpExchange } from './s3-exchange.ts';

const mostSockets = 8;
const idleMs = 60_000;

export interface HttpServer {
  isTls: boolean;
  /** Without brackets. */
  host: string;
  port: number;
  /** PEM; takes the place of the public authorities. */
  caCertificate?: string | undefined;
  /** No progress for so many ms is a failure. */
  stallMs: number;
}

export interface HttpRequest {
  method: string;
  /** Encoded, with the query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  /** Sent with their length; undefined for a request without a body. */
  parts?: readonly Uint8Array[] | undefined;
  /** Called once when the parts are needed no more, if it comes so far. */
  onSent?: (() => void) | undefined;
  /** A longer answer is refused; of one that is no success only the beginning is kept. */
  mostBytes: number;
}

/** Sends requests to one server over connections that are kept, each with a deadline of its own. Follows no redirects. */
export class HttpClient {
  readonly #server: HttpServer;
  readonly #agent: HttpAgent;
  readonly #underWay = new Set<HttpExchange>();

  /** Opens no connection. */
  constructor(server: HttpServer) {
    this.#server = server;
    const options = { keepAlive: true, maxSockets: mostSockets, timeout: idleMs };
    const { caCertificate: ca } = server;
    this.#agent = server.isTls
      ? new HttpsAgent({ ...options, ...(ca === undefined ? {} : { ca }) })
      : new HttpAgent(options);
  }

  /**
   * @param what for messages
   * @throws AppError storageFailed (not reached, cut, too slow, too long), storageDenied (certificate)
   */
  async send(what: string, request: HttpRequest): Promise<HttpAnswer> {
    for (;;) {
      const { parts = [], onSent, mostBytes } = request;
      const { stallMs } = this.#server;
      const exchange = new HttpExchange(this.#start(request), { parts, onSent, mostBytes, stallMs });
      this.#underWay.add(exchange);
      try {
        return await exchange.run();
      } catch (error) {
        if (exchange.isStale) continue;
        if (isCertificateError(error)) throw await certificateRefused(this.#server, what, error);
        throw new AppError('storageFailed', `${what}: ${messageOf(error)}`, { cause: error });
      } finally {
        this.#underWay.delete(exchange);
      }
    }
  }

  /** Ends all connections; what is under way fails with storageFailed. A later request dials again. */
  close(): void {
    for (const exchange of this.#underWay) exchange.abort(new AppError('storageFailed', 'the connection was closed'));
    this.#agent.destroy();
  }

  #start({ method, path, headers, parts }: HttpRequest): ClientRequest {
    const { isTls, host, port } = this.#server;
    const length = parts?.reduce((sum, part) => sum + part.length, 0);
    return (isTls ? requestHttps : requestHttp)({
      ...{ agent: this.#agent, host, port, method, path },
      headers: length === undefined ? headers : { ...headers, 'content-length': String(length) },
    });
  }
}
