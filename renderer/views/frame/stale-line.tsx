import { IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';
import { useNow } from '../../components/time.tsx';
import { useReconnect } from '../../store/use-reconnect.ts';
import { useAppSelector } from '../../store/store.ts';
import { useText } from '../../text/use-text.ts';

/** Says that the line to the engine is down: since when, when the next try comes. What is shown stays readable. */
export function StaleLine() {
  const { t, format } = useText();
  const link = useAppSelector((state) => state.link);
  const reconnect = useReconnect();
  const now = useNow(1000);
  if (link.kind !== 'lost') return null;
  const seconds = Math.max(0, Math.ceil((link.nextTryAt - now) / 1000));
  return (
    <div className="stale" role="alert">
      <IconPlugConnectedX className="ic" aria-hidden />
      <span>
        <b>{t('link.staleSince', { time: format.time(link.since) })}</b>{' '}
        <span aria-hidden>{t('link.nextTry', { seconds })}</span>
      </span>
      <span className="sp" />
      <button type="button" className="btn sm" onClick={reconnect} title={link.reason}>
        <IconRefresh className="ic sm" aria-hidden />
        {t('link.tryNow')}
      </button>
    </div>
  );
}
