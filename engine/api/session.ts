import { hostname } from 'node:os';
import type { sessionContract } from '../../shared/contract/engine/session.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { version } from '../../shared/version.ts';
import type { ApiContext, SignedIn } from './context.ts';

function accept(context: ApiContext, { principal, expiresAt }: SignedIn) {
  context.caller.principal = principal;
  context.core.changes.announce('logs');
  const { name, role } = principal.user;
  return { token: principal.token, expiresAt, user: { name, role } };
}

export const sessionApi: Handlers<typeof sessionContract, ApiContext> = {
  async 'session.get'(_params, { core, sessions, caller }) {
    const user = caller.principal?.user;
    return {
      user: user === undefined ? null : { name: user.name, role: user.role },
      needsFirstPassword: await sessions.needsFirstPassword(),
      version,
      host: hostname(),
      embedded: core.embedded,
    };
  },
  async 'session.signIn'({ user, password }, context) {
    return accept(context, await context.sessions.signIn(user, password.reveal(), context.caller.address));
  },
  async 'session.setFirstPassword'({ token, password }, context) {
    return accept(context, await context.sessions.setFirstPassword(token.reveal(), password));
  },
  async 'session.signOut'(_params, { sessions, caller }) {
    if (caller.principal !== null) await sessions.signOut(caller.principal.token);
    caller.principal = null;
    return {};
  },
};
