import { IconStethoscope } from '@tabler/icons-react';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorLine } from '../../components/error-line.tsx';
import type { Check } from '../../../shared/schema.ts';
import { useState } from 'react';
import type { Outcome } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { Checks } from '../common/checks.tsx';
import type { WireError } from '../../../shared/errors.ts';

interface Props {
  readonly disabled: string | undefined;
  readonly test: () => Promise<Outcome<{ checks: Check[] }>>;
}

/** Tests a platform or pool from every client that serves it and lists what was found. */
export function TestSection({ disabled, test }: Props) {
  const { t } = useText();
  const [isRunning, setRunning] = useState(false);
  const [checks, setChecks] = useState<readonly Check[]>();
  const [error, setError] = useState<WireError>();
  const run = async () => {
    if (isRunning) return;
    setRunning(true);
    setError(undefined);
    const outcome = await test();
    setRunning(false);
    if (outcome.ok) setChecks(outcome.value.checks);
    else setError(outcome.error);
  };
  const action = { id: 'test', label: t('action.test'), icon: IconStethoscope, disabled, run: () => void run() };
  return (
    <section className="sec">
      <h3>
        {t('test.title')}
        <span className="sp" />
        <ActionButton action={action} small>
          {isRunning ? t('test.running') : action.label}
        </ActionButton>
      </h3>
      {checks === undefined && error === undefined && <p className="s12 t3">{t('test.what')}</p>}
      {error !== undefined && <ErrorLine error={error} />}
      {checks !== undefined && <Checks checks={checks} />}
    </section>
  );
}
