import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import type { WireError } from '../../../shared/errors.ts';
import { ConfirmDialog, type Question } from '../../components/confirm-dialog.tsx';
import { ErrorStrip } from '../../components/error-line.tsx';

interface Failure {
  readonly title: string;
  readonly error: WireError;
}

interface Dialogs {
  /** Asks before something is destroyed. */
  readonly ask: (question: Question) => void;
  /** Shows over the page that something a person started has failed; undefined takes it away. */
  readonly fail: (failure: Failure | undefined) => void;
  readonly failure: Failure | undefined;
}

const DialogContext = createContext<Dialogs>({ ask: () => undefined, fail: () => undefined, failure: undefined });

/** Holds the one dialog that may be open, and the failure of the last action. */
export function DialogHost({ children }: { readonly children: ReactNode }) {
  const [question, setQuestion] = useState<Question>();
  const [failure, setFailure] = useState<Failure>();
  const ask = useCallback((next: Question) => setQuestion(next), []);
  const dialogs = useMemo(() => ({ ask, fail: setFailure, failure }), [ask, failure]);
  return (
    <DialogContext value={dialogs}>
      {children}
      {question !== undefined && <ConfirmDialog question={question} onClose={() => setQuestion(undefined)} />}
    </DialogContext>
  );
}

export function useDialogs(): Dialogs {
  return useContext(DialogContext);
}

/** The failure of the last action, over the page. */
export function FailureStrip() {
  const { failure, fail } = useDialogs();
  return failure === undefined ? null : (
    <ErrorStrip error={failure.error} title={failure.title} onClose={() => fail(undefined)} />
  );
}
