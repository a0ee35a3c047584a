import type { DesktopBridge } from '../../shared/contract/desktop.ts';
import { AppError, messageOf } from '../../shared/errors.ts';
import type { Channel } from '../../shared/rpc/channel.ts';
import { messagePortChannel } from '../../shared/rpc/message-port-channel.ts';
import { openDesktopPort } from './desktop-port.ts';
import { openWebSocket } from './web-socket-channel.ts';

declare global {
  interface Window {
    readonly holdfast?: DesktopBridge;
  }
}

/** Opens a new conversation with the engine. @throws AppError engineUnreachable */
export type Dial = () => Promise<Channel>;

const unreachable = (reason: string) => new AppError('engineUnreachable', reason);

/** A browser's MessagePort as a channel. It cannot tell that the other side is gone, only `messageerror`. */
function portChannel(port: MessagePort): Channel {
  return messagePortChannel({
    postMessage: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.addEventListener('message', (event: MessageEvent<unknown>) => listener(event.data));
      port.start();
    },
    onClose: (listener) => port.addEventListener('close', () => listener()),
    close: () => port.close(),
  });
}

/** Inside Electron the shell hands over a port, in a browser the page's own origin is the engine. */
export const dialEngine: Dial = async () => {
  const desktop = window.holdfast;
  if (desktop === undefined) return openWebSocket(window.location.origin, unreachable);
  try {
    return portChannel(await openDesktopPort(desktop));
  } catch (error) {
    throw new AppError('engineUnreachable', messageOf(error), { cause: error });
  }
};

/** True when the page runs in a browser, where a cookie keeps the session. */
export function isBrowser(): boolean {
  return window.holdfast === undefined;
}
