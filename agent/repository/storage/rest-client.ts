import {
  Agent,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  request as startRequest,
} from 'node:http';
import type { Socket } from 'node:net';
import type { RestAddress } from './rest-address.ts';
import { readBeginning, sendParts } from './rest-body.ts';
import { Deadline } from './rest-deadline.ts';
import { dialRest, type RestTrust } from './rest-dial.ts';
import { connectionError, harmless, isStaleConnection, refusalError } from './rest-errors.ts';

/** A little less than the shortest time after which usual servers close an idle connection themselves. */
const idleMs = 50_000;
/** Connections that a restarted server has forgotten are found one after the other. */
const mostStale = 8;

export interface RestClientOptions {
  address: RestAddress;
  trust: RestTrust;
  /** The value of the Authorization header. */
  authorization?: string | undefined;
  stallMs: number;
  dialTimeoutMs: number;
}

export interface RestCall {
  method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  /** Below the repository's address. */
  path: string;
  headers?: Record<string, string>;
  body?: readonly Uint8Array[];
}

/** An answer whose body was not read yet. */
export interface RestAnswer {
  status: number;
  message: IncomingMessage;
  deadline: Deadline;
}

/** A request that was answered with success, until it is ended. */
export interface RestExchange extends RestAnswer {
  /** Turns what reading it failed with into what callers know. */
  errorOf: (error: unknown) => Error;
  /** Must be called; the connection is kept when everything was read, and free when the promise resolves. */
  end: () => Promise<void>;
}

/** Sends requests over connections that are kept, and gives up one that nothing moves on. */
export class RestClient {
  readonly #options: RestClientOptions;
  readonly #authorization: string | undefined;
  #agent: Agent;
  #dialling = new AbortController();

  constructor(options: RestClientOptions) {
    const { authorization, ...rest } = options;
    this.#options = rest;
    this.#authorization = authorization;
    this.#agent = this.#newAgent();
  }

  /**
   * Sends one request and lets `read` consume the answer; statuses that are no success are errors.
   * @throws AppError as {@link refusalError} says; storageFailed when the connection fails or stands still
   */
  async call<T>(call: RestCall, read: (answer: RestAnswer) => Promise<T>): Promise<T> {
    const exchange = await this.open(call);
    try {
      return await read(exchange);
    } catch (error) {
      throw exchange.errorOf(error);
    } finally {
      await exchange.end();
    }
  }

  /** The same for a caller that reads the answer bit by bit. */
  async open(call: RestCall): Promise<RestExchange> {
    const shown = `${this.#options.address.shown}${call.path}`;
    const exchange = await this.#send(call, shown);
    const { status, isSent } = exchange;
    if (status >= 200 && status <= 299 && isSent) return exchange;
    try {
      if (status <= 299) throw connectionError(shown, new Error(`the server answered ${status} too early`));
      const text = await readBeginning(exchange.message, () => exchange.deadline.progress());
      throw refusalError({ status, method: call.method, shown, text: harmless(text) });
    } finally {
      await exchange.end();
    }
  }

  /** Ends all connections; what is under way fails with storageFailed. The next call connects again. */
  close(): void {
    this.#dialling.abort();
    this.#dialling = new AbortController();
    const agent = this.#agent;
    this.#agent = this.#newAgent();
    agent.destroy();
  }

  /** Sends it until there is an answer; again when the connection turns out to be one that the server has closed. */
  async #send(call: RestCall, shown: string): Promise<RestExchange & { isSent: boolean }> {
    for (let tries = 1; ; tries++) {
      const agent = this.#agent;
      const request = this.#start(call, agent);
      let stalled: Error | undefined;
      const deadline = new Deadline(this.#options.stallMs, () => {
        stalled = new Error(`nothing moved for ${this.#options.stallMs} ms`);
        request.destroy(stalled);
      });
      // When reading breaks off because of the deadline, Node only says that it broke off.
      const errorOf = (error: unknown) => connectionError(shown, stalled ?? error);
      let message: IncomingMessage | undefined;
      const closed = new Promise<void>((resolve) => request.once('close', resolve));
      const end = () => {
        deadline.end();
        return endExchange(request, message, closed);
      };
      try {
        const sent = sendParts(request, call.body ?? [], () => deadline.progress());
        const [answer, isSent] = await Promise.all([answerOf(request, deadline), sent]);
        message = answer;
        return { status: answer.statusCode ?? 0, message, deadline, errorOf, end, isSent };
      } catch (error) {
        await end();
        const isStale = request.reusedSocket && isStaleConnection(error) && agent === this.#agent;
        if (!isStale || tries > mostStale) throw errorOf(error);
      }
    }
  }

  #start({ method, path, headers = {}, body }: RestCall, agent: Agent): ClientRequest {
    const { address } = this.#options;
    const { host, port } = address;
    const length = body?.reduce((sum, part) => sum + part.length, 0);
    return startRequest({
      ...{ agent, method, host, port, path: `${address.basePath}${path}`, setHost: false },
      headers: {
        Host: address.authority,
        'User-Agent': 'holdfast',
        'Accept-Encoding': 'identity',
        ...(this.#authorization === undefined ? {} : { Authorization: this.#authorization }),
        ...(length === undefined ? {} : { 'Content-Length': length, 'Content-Type': 'application/octet-stream' }),
        ...headers,
      },
    });
  }

  #newAgent(): Agent {
    const { address, trust, dialTimeoutMs } = this.#options;
    const { signal } = this.#dialling;
    return new DiallingAgent(() => dialRest(address, trust, dialTimeoutMs, signal));
  }
}

/** Node's pool of kept connections over connections of our own making. */
class DiallingAgent extends Agent {
  readonly #dial: () => Promise<Socket>;

  constructor(dial: () => Promise<Socket>) {
    super({ keepAlive: true, maxFreeSockets: 8, timeout: idleMs });
    this.#dial = dial;
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, socket: Socket) => void,
  ): undefined {
    this.#dial().then(
      (socket) => done?.(null, socket),
      (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error)), undefined as never),
    );
  }
}

function answerOf(request: ClientRequest, deadline: Deadline): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', (message) => {
      deadline.progress();
      // Who reads it hears of it; nobody does between two reads.
      message.on('error', () => undefined);
      resolve(message);
    });
    request.on('error', reject);
    request.once('close', () => reject(new Error('the server hung up')));
  });
}

/** A connection whose answer was not read to the end, or whose request was not sent to the end, is of no more use. */
async function endExchange(request: ClientRequest, message: IncomingMessage | undefined, closed: Promise<void>) {
  if (message?.complete === true && request.writableFinished) {
    message.resume();
    // Node gives the connection back right after this; a next request that came before would open another one.
    await closed;
  } else request.destroy();
}
