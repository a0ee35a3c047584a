import type { Contract } from '../../shared/contract/method.ts';
import type { Channel } from '../../shared/rpc/channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { dispatchApi } from '../api/all.ts';
import type { ApiContext, Caller, Principal, SessionsApi } from '../api/context.ts';
import type { EngineCore } from '../core.ts';

/** Consoles are not called back: their contract is empty. */
const consoleContract: Contract = {};

/**
 * Serves one console or CLI over any channel: its calls go to the api, notices go to it once it is signed in.
 * @param principal who is signed in already (by cookie or bearer token)
 */
export function serveConsole(
  core: EngineCore,
  sessions: SessionsApi,
  channel: Channel,
  address: string,
  principal: Principal | null,
): void {
  const caller: Caller = { principal, address };
  const context: ApiContext = { core, sessions, caller };
  const peer = new Peer(channel, consoleContract, (method, params, control) =>
    dispatchApi(method, params, context, control),
  );
  const stop = core.changes.listen((notice) => {
    if (caller.principal !== null) peer.notify(notice);
  });
  channel.onClose(stop);
}
