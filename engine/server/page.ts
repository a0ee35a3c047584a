import type { ServerResponse } from 'node:http';
import { type PageAnswer, readPage, textAnswer } from '../../shared/node/page-files.ts';

/** Answers with the console's page (shared/node/page-files.ts says which file). */
export async function sendPage(folder: string, path: string, response: ServerResponse): Promise<void> {
  send(await readPage(folder, path), response);
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  send(textAnswer(status, text), response);
}

function send(answer: PageAnswer, response: ServerResponse): void {
  response.writeHead(answer.status, answer.headers).end(answer.body);
}
