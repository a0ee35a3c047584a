import { IconPlugConnected, IconPlugConnectedX } from '@tabler/icons-react';
import { useSession } from '../../store/session.ts';
import { useAppSelector } from '../../store/store.ts';
import { useText } from '../../text/use-text.ts';

/** The status strip before sign-in. */
export function PublicStrip() {
  const { t } = useText();
  const link = useAppSelector((state) => state.link);
  const session = useSession().data;
  const isLost = link.kind === 'lost';
  const Shown = isLost ? IconPlugConnectedX : IconPlugConnected;
  return (
    <footer className="ss">
      <span className="it" role="status">
        <span className={`st ${isLost ? 'failed' : link.kind === 'open' ? 'proven' : 'idle'}`}>
          <Shown className="ic" aria-hidden />
          {t(isLost ? 'signIn.unreached' : link.kind === 'open' ? 'signIn.reached' : 'link.connecting')}
        </span>
      </span>
      <span className="sp" />
      {session !== undefined && <span className="it t3">Holdfast {session.version}</span>}
    </footer>
  );
}
