import { Modal } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { WireError } from '../../shared/errors.ts';
import { useText } from '../text/use-text.ts';
import { ErrorLine } from './error-line.tsx';

/** A question before something is destroyed: it names the thing, then the consequences in facts. */
export interface Question {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: ReactNode])[];
  readonly text?: ReactNode;
  readonly verb: string;
  readonly danger?: boolean;
  /** Does it; resolves with the error when it failed, and the dialog stays open and shows it. */
  readonly confirm: () => Promise<WireError | undefined>;
}

/** The dialog of a question. *Keep it* has the focus. */
export function ConfirmDialog({ question, onClose }: { readonly question: Question; readonly onClose: () => void }) {
  const { t } = useText();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<WireError>();
  const confirm = async () => {
    if (isBusy) return;
    setBusy(true);
    const failed = await question.confirm();
    setBusy(false);
    if (failed === undefined) onClose();
    else setError(failed);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={question.title}
      size={480}
      centered
      withCloseButton={false}
      transitionProps={{ duration: 0 }}
      lockScroll={false}
      attributes={{ header: { role: 'none' } }}
    >
      {question.text !== undefined && <p className="s12 t2">{question.text}</p>}
      <dl className="kv">
        {question.facts.map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {error !== undefined && (
        <div style={{ marginBottom: 12 }}>
          <ErrorLine error={error} />
        </div>
      )}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <button type="button" className="btn" data-autofocus onClick={onClose}>
          {t('common.keepIt')}
        </button>
        <button
          type="button"
          className={question.danger === false ? 'btn pri' : 'btn danger'}
          onClick={() => void confirm()}
        >
          {isBusy ? t('common.working') : question.verb}
        </button>
      </div>
    </Modal>
  );
}
