import { Modal } from '@mantine/core';
import { CopyText } from '../../components/copy-text.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';

/** How a host becomes a client: the exact command, with this engine's address and fingerprint. */
export function AddClientDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useText();
  const { data, error } = useEngine('system.get', {});
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('action.howToAddClient')}
      size={640}
      centered
      transitionProps={{ duration: 0 }}
      lockScroll={false}
      attributes={{ header: { role: 'none' } }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {error !== undefined && data === undefined && <ErrorLine error={error} />}
      {data !== undefined && (
        <ol style={{ display: 'grid', gap: 12, paddingTop: 4 }}>
          <li>
            <p style={{ marginBottom: 6 }}>1. {t('howTo.init')}</p>
            <CopyText text={`holdfast-agent init --manager ${data.agentUrl} --fingerprint ${data.fingerprint}`} block />
          </li>
          <li>
            <p style={{ marginBottom: 6 }}>2. {t('howTo.run')}</p>
            <CopyText text="holdfast-agent run" block />
          </li>
          <li>
            <p>3. {t('howTo.authorize')}</p>
          </li>
        </ol>
      )}
      <p className="help" style={{ marginTop: 12 }}>
        {t('howTo.note')}
      </p>
    </Modal>
  );
}
