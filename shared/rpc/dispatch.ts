import type { CallControl, Contract, Handlers, Method, MethodName } from '../contract/method.ts';
import { AppError } from '../errors.ts';
import { parseParams } from './parse.ts';

/** May this caller call that method? Throws AppError (rights) when not. */
export type Admit<Context> = (name: string, method: Method, context: Context) => void;

type AnyHandler<Context> = (params: unknown, context: Context, control: CallControl) => Promise<unknown>;

/**
 * The check every call passes, in this order: known method? may this caller? parameters valid? (DESIGN §3, the walk)
 * @throws AppError unknownMethod, what `admit` throws, invalidValue, what the handler throws
 */
export function createDispatcher<C extends Contract, Context>(
  contract: C,
  handlers: Handlers<C, Context>,
  admit: Admit<Context>,
) {
  return async (name: string, params: unknown, context: Context, control: CallControl): Promise<unknown> => {
    if (!Object.hasOwn(contract, name)) throw new AppError('unknownMethod', `method ${name} does not exist`);
    const method = contract[name] as Method;
    admit(name, method, context);
    const checked: unknown = parseParams(name, method, params);
    const handler = handlers[name as MethodName<C>] as AnyHandler<Context>;
    return handler(checked, context, control);
  };
}
