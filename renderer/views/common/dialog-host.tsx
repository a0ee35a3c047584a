import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import type { WireError } from '../../../shared/errors.ts';
import { ConfirmDialog, type Question } from '../../components/confirm-dialog.tsx';
import { ErrorStrip, NoticeStrip } from '../../components/error-line.tsx';

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
  /** Says over the page what an action came to, when nothing on it shows that; undefined takes it away. */
  readonly tell: (words: string | undefined) => void;
  readonly told: string | undefined;
}

const DialogContext = createContext<Dialogs>({
  ask: () => undefined,
  fail: () => undefined,
  failure: undefined,
  tell: () => undefined,
  told: undefined,
});

/** Holds the one dialog that may be open, and the failure of the last action. */
export function DialogHost({ children }: { readonly children: ReactNode }) {
  const [question, setQuestion] = useState<Question>();
  const [failure, setFailure] = useState<Failure>();
  const [told, setTold] = useState<string>();
  const ask = useCallback((next: Question) => setQuestion(next), []);
  const dialogs = useMemo(() => ({ ask, fail: setFailure, failure, tell: setTold, told }), [ask, failure, told]);
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

/** The failure of the last action, or what it came to, over the page. */
export function OutcomeStrip() {
  const { failure, fail, told, tell } = useDialogs();
  if (failure !== undefined)
    return <ErrorStrip error={failure.error} title={failure.title} onClose={() => fail(undefined)} />;
  return told === undefined ? null : <NoticeStrip words={told} onClose={() => tell(undefined)} />;
}
