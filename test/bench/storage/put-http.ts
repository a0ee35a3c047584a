import { Agent, request } from 'node:http';

/** A bare client: sends a body as it is over kept connections. */
export class HttpPutter {
  readonly #agent = new Agent({ keepAlive: true });

  /** @throws Error when the server does not take it */
  put(method: 'PUT' | 'POST', url: string, headers: Record<string, string>, body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, method, headers: { ...headers, 'content-length': body.length } };
      const sent = request(url, options, (answer) => {
        const { statusCode = 0 } = answer;
        answer.resume().on('end', () => {
          if (statusCode >= 200 && statusCode < 300) resolve();
          else reject(new Error(`${method} ${url}: ${statusCode}`));
        });
      });
      sent.on('error', reject).end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
