import { IconFingerprint } from '@tabler/icons-react';
import { CopyText } from '../../components/copy-text.tsx';
import { useText } from '../../text/use-text.ts';

/** The host key that a server offered, and how a person compares it on that host. */
export function HostKeySection({ host, hostKey }: { readonly host: string; readonly hostKey: string }) {
  const { t } = useText();
  return (
    <section className="fs" role="status" aria-label={t('ssh.hostKey', { host })}>
      <h3>
        <IconFingerprint className="ic" aria-hidden /> {t('ssh.hostKey', { host })}
      </h3>
      <p className="mono wrap" style={{ margin: '4px 0 8px' }}>
        {hostKey}
      </p>
      <p className="s12 t2" style={{ marginBottom: 8 }}>
        {t('ssh.compare')}
      </p>
      <CopyText text="for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done" />
    </section>
  );
}
