import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../../shared/node/listen.ts';

const cookieName = 'holdfast-session';

/** Host header without its port. */
function hostOf(authority: string): string {
  return authority.replace(/:\d+$/u, '').replace(/^\[|\]$/gu, '');
}

/**
 * Why a request is refused, or undefined. A foreign Host means DNS rebinding, a foreign Origin a page in the
 * operator's browser that wants to drive the console (DESIGN §11).
 * @param ownHost the host we were told to listen on
 */
export function refusalOf(request: IncomingMessage, ownHost: string): { status: number; reason: string } | undefined {
  const host = request.headers.host ?? '';
  const anyAddress = ownHost === '0.0.0.0' || ownHost === '::';
  if (!anyAddress && hostOf(host) !== ownHost && !(isLoopback(ownHost) && isLoopback(hostOf(host)))) {
    return { status: 421, reason: `this server is not ${host}` };
  }
  const { origin } = request.headers;
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)) {
    return { status: 403, reason: 'foreign origin' };
  }
  const navigation =
    request.headers['sec-fetch-mode'] === 'navigate' && request.headers['sec-fetch-dest'] === 'document';
  if (request.headers['sec-fetch-site'] === 'cross-site' && !(navigation && request.method === 'GET')) {
    return { status: 403, reason: 'cross-site request' };
  }
  return undefined;
}

/** The session token of a request: bearer header (CLI) or cookie (browser). */
export function tokenOf(request: IncomingMessage): string | undefined {
  const bearer = /^Bearer ([\w-]{20,200})$/u.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? new RegExp(`(?:^|; )${cookieName}=([\\w-]{20,200})`, 'u').exec(request.headers.cookie ?? '')?.[1];
}

/** Set-Cookie value; an empty token removes it. */
export function sessionCookie(token: string, secure: boolean): string {
  const life = token === '' ? 0 : 7 * 24 * 3600;
  return `${cookieName}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${life}${secure ? '; Secure' : ''}`;
}
