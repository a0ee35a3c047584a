import { IconPlugConnected, IconPlugConnectedX, IconUserQuestion } from '@tabler/icons-react';
import { Link } from 'react-router';
import { useNow } from '../../components/time.tsx';
import { useSession } from '../../store/session.ts';
import { useAppSelector } from '../../store/store.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';

function Connection() {
  const { t } = useText();
  const link = useAppSelector((state) => state.link);
  const isLost = link.kind === 'lost';
  const Shown = isLost ? IconPlugConnectedX : IconPlugConnected;
  const tone = isLost ? 'failed' : link.kind === 'open' ? 'proven' : 'idle';
  return (
    <span className="it" role="status">
      <span className={`st ${tone}`}>
        <Shown className="ic" aria-hidden />
        {t(`link.${link.kind}`)}
      </span>
    </span>
  );
}

/** The engine's own clock: what it said, carried on by ours. */
function EngineClock() {
  const { t, format } = useText();
  const { data, fulfilledTimeStamp } = useEngine('system.get', {});
  const now = useNow(1000);
  if (data === undefined || fulfilledTimeStamp === undefined) return null;
  const engineNow = data.now + Math.max(0, now - fulfilledTimeStamp);
  return (
    <span className="it tn" title={t('frame.engineClock', { zone: data.zone })}>
      {format.fullTime(engineNow, data.zone)}
    </span>
  );
}

function Notices() {
  const { t } = useText();
  const count = useEngine('system.get', {}).data?.unauthorizedClients ?? 0;
  if (count === 0) return null;
  return (
    <Link className="it notice" to="/administration/clients?show=unauthorized">
      <IconUserQuestion className="ic sm" aria-hidden />
      {t('frame.unauthorized', { count })}
    </Link>
  );
}

/** One line at the bottom: connection, engine, what wants attention, slots, clock, version. */
export function StatusStrip() {
  const { t } = useText();
  const session = useSession().data;
  const slots = useEngine('system.get', {}).data?.slots;
  return (
    <footer className="ss">
      <Connection />
      {session !== undefined && (
        <span className="it t3">
          {session.embedded ? t('frame.engineHere') : t('frame.engineAt', { host: session.host })}
        </span>
      )}
      <Notices />
      <span className="sp" />
      {slots !== undefined && (
        <Link className="it" to="/tasks?show=running">
          {t('frame.slots')} <span className="b5 tn">{slots.used}</span> {t('frame.ofSlots', { limit: slots.limit })}
        </Link>
      )}
      <EngineClock />
      {session !== undefined && <span className="it t3">Holdfast {session.version}</span>}
    </footer>
  );
}
