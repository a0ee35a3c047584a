import { messageOf } from '../shared/errors.ts';
import { type PageAnswer, readPage, textAnswer } from '../shared/node/page-files.ts';

const scheme = 'holdfast-app';

/** Where the page lives inside the shell; everything else is a foreign address. */
export const pageOrigin = `${scheme}://console`;

/** A page of its own scheme has an origin, which file:// has not. Must be registered before the app is ready. */
export const schemePrivileges = {
  scheme,
  privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
} as const;

/** True for addresses of the console's own page. */
export function isPageUrl(url: string): boolean {
  return url === pageOrigin || url.startsWith(`${pageOrigin}/`);
}

/** The part of Electron's protocol that is used. */
export interface ProtocolLike {
  handle(scheme: string, handler: (request: Request) => Promise<Response>): void;
}

/** Answers `holdfast-app://console/…` with the built page: reads only, inside its folder only, under its policy. */
export function servePage(protocol: ProtocolLike, pageFolder: string, onError: (reason: string) => void): void {
  protocol.handle(scheme, async (request) => {
    try {
      return toResponse(await answerOf(pageFolder, request));
    } catch (error) {
      onError(messageOf(error));
      return toResponse(textAnswer(500, 'the page cannot be read\n'));
    }
  });
}

async function answerOf(pageFolder: string, request: Request): Promise<PageAnswer> {
  if (!isPageUrl(request.url)) return textAnswer(404, 'no such host\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return textAnswer(405, 'only GET\n');
  return readPage(pageFolder, new URL(request.url).pathname);
}

function toResponse({ status, headers, body }: PageAnswer): Response {
  return new Response(typeof body === 'string' ? body : new Uint8Array(body), { status, headers });
}
