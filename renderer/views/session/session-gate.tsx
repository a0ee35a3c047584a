import type { ReactNode } from 'react';
import { useSession } from '../../store/session.ts';
import { useAppSelector } from '../../store/store.ts';
import { useReconnect } from '../../store/use-reconnect.ts';
import { useText } from '../../text/use-text.ts';
import { FirstPassword } from './first-password.tsx';
import { SignIn } from './sign-in.tsx';
import { WayIn } from './way-in.tsx';

function Unreached() {
  const { t } = useText();
  const link = useAppSelector((state) => state.link);
  const reconnect = useReconnect();
  if (link.kind !== 'lost') return <div className="si" aria-busy="true" />;
  return (
    <WayIn title={t('signIn.unreached')}>
      <p className="lead">{t('signIn.unreachedWhy')}</p>
      <p className="lead mono">{link.reason}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          reconnect();
        }}
      >
        <button type="submit" className="btn pri">
          {t('link.tryNow')}
        </button>
      </form>
    </WayIn>
  );
}

/** Lets nobody past who is not signed in. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const session = useSession().data;
  if (session === undefined) return <Unreached />;
  if (session.needsFirstPassword) return <FirstPassword host={session.host} embedded={session.embedded} />;
  if (session.user === null) return <SignIn host={session.host} embedded={session.embedded} />;
  return children;
}
