import { ipcMain, type IpcMainInvokeEvent } from 'electron';
import { z } from 'zod';
import { messageOf } from '../shared/errors.ts';
import { isPageUrl } from './app-protocol.ts';
import { type ConnectAnswer, ipcNames } from './ipc-names.ts';
import type { EngineHost } from './engine-host.ts';

const requestSchema = z.number().int().positive();

/** Only the top frame of the console's own page may ask. */
function isOwnPage({ senderFrame, sender }: IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame === sender.mainFrame && isPageUrl(senderFrame.url);
}

/** Answers the preload: each call opens a conversation, whose port goes to the frame that asked. */
export function answerConsoles(host: Pick<EngineHost, 'connect'>): void {
  ipcMain.handle(ipcNames.connect, async (event, value: unknown): Promise<ConnectAnswer> => {
    if (!isOwnPage(event)) return { error: 'this page may not talk to the engine' };
    const request = requestSchema.safeParse(value);
    if (!request.success) return { error: 'the request has no number' };
    try {
      const { port, firstToken } = await host.connect();
      event.senderFrame?.postMessage(ipcNames.port, request.data, [port]);
      return firstToken === undefined ? {} : { firstToken };
    } catch (error) {
      return { error: messageOf(error) };
    }
  });
}
