import { IconAlertTriangle, IconCheck, IconCircleX, IconClipboardCheck, IconDatabase } from '@tabler/icons-react';
import { useText } from '../../text/use-text.ts';
import { needsConfirmation, type RestoreOptions } from './restore-form-state.ts';

/** Beside the form: who can do it, who cannot and why, and what it will read. */
export function RestoreRail({ options }: { readonly options: RestoreOptions }) {
  const { t, format } = useText();
  const { backup, clients } = options;
  return (
    <div className="pv scroll">
      <section>
        <h3>
          <IconClipboardCheck className="ic sm" aria-hidden />
          {t('restore.preflight')}
        </h3>
        <ul className="checks">
          {clients.map((client) => (
            <li key={client.id}>
              {client.offered ? (
                <IconCheck className="ic sm copied" aria-hidden />
              ) : (
                <IconCircleX className="ic sm failed" aria-hidden />
              )}
              <span className="b5">{client.name}</span>
              <span className="x">
                {client.offered
                  ? t('restore.canDo')
                  : client.missing.map((reason) => t(`restore.missing.${reason}`)).join(', ')}
              </span>
            </li>
          ))}
          <li>
            {needsConfirmation(options) ? (
              <IconAlertTriangle className="ic sm degraded" aria-hidden />
            ) : (
              <IconCheck className="ic sm copied" aria-hidden />
            )}
            <span className="b5">{t('restore.point')}</span>
            <span className="x">{t(`verification.${backup.verification}`)}</span>
          </li>
        </ul>
      </section>
      <section>
        <h3>
          <IconDatabase className="ic sm" aria-hidden />
          {t('restore.expect')}
        </h3>
        <dl className="kv" style={{ gridTemplateColumns: 'auto minmax(0, 1fr)' }}>
          <dt>{t('restore.writes')}</dt>
          <dd className="r tn">
            {t('restore.inDisks', { size: format.bytes(backup.sizeBytes), count: backup.disks.length })}
          </dd>
          <dt>{t('restore.fromPool')}</dt>
          <dd className="r">{backup.pool}</dd>
          <dt>{t('restore.bootsAs')}</dt>
          <dd className="r">{t(`consistency.${backup.consistency}`)}</dd>
        </dl>
      </section>
    </div>
  );
}
