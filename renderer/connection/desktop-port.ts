import { type DesktopBridge, isPortMessage } from '../../shared/contract/desktop.ts';
import { keepFirstToken } from './first-token.ts';

let requests = 0;

/** A port to the engine from Electron's shell. Rejects with the shell's reason when the engine does not run. */
export async function openDesktopPort(desktop: DesktopBridge): Promise<MessagePort> {
  const request = ++requests;
  const stop = new AbortController();
  const arrived = new Promise<MessagePort>((resolve) => {
    const onMessage = (event: MessageEvent<unknown>) => {
      const [port] = event.ports;
      if (event.source === window && port !== undefined && isPortMessage(event.data, request)) resolve(port);
    };
    window.addEventListener('message', onMessage, { signal: stop.signal });
  });
  try {
    const { firstToken } = await desktop.connect(request);
    keepFirstToken(firstToken);
    return await arrived;
  } finally {
    stop.abort();
  }
}
