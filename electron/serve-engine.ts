import type { MessageEvent, MessagePortMain, ParentPort } from 'electron';
import type { Engine } from '../engine/engine.ts';
import { toWireError } from '../shared/errors.ts';
import { messagePortChannel, type PortLike } from '../shared/rpc/message-port-channel.ts';
import { type FromEngine, toEngineSchema } from './engine-messages.ts';

/** What the engine process needs of its surroundings; tests give their own. */
export interface EngineSurroundings {
  parent: Pick<ParentPort, 'on' | 'postMessage'>;
  readonly start: () => Promise<Engine>;
  readonly exit: (code: number) => void;
}

function portOf(port: MessagePortMain): PortLike {
  return {
    postMessage: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.on('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => void port.on('close', () => listener()),
    close: () => port.close(),
  };
}

/**
 * Runs the engine for the shell: every port that arrives is one console. After `failed` the shell ends this process: it
 * would not be told why if we ended by ourselves at once.
 */
export async function serveEngine({ parent, start, exit }: EngineSurroundings): Promise<void> {
  const tell = (message: FromEngine) => parent.postMessage(message);
  const fail = (error: unknown) => tell({ kind: 'failed', error: toWireError(error) });
  const starting = start();
  parent.on('message', (event: MessageEvent) => {
    const message = toEngineSchema.safeParse(event.data);
    if (!message.success) return fail(message.error);
    const [port] = event.ports;
    const act = async () => {
      const engine = await starting;
      if (message.data.kind === 'stop') {
        await engine.stop();
        exit(0);
      } else if (port !== undefined) engine.acceptConsole(messagePortChannel(portOf(port)));
    };
    act().catch(fail);
  });
  try {
    const { firstToken } = await starting;
    tell({ kind: 'ready', ...(firstToken === undefined ? {} : { firstToken }) });
  } catch (error) {
    fail(error);
  }
}
