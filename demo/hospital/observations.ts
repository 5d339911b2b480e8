/**
 * The observations of a record: results of the laboratory, vital signs, smoking and surveys.
 *
 * @see US Core Implementation Guide, Observation profiles
 */
import { concept, LABORATORY, type Measured, quantity, status, VITAL_SIGNS } from "./codes.ts";
import { refer } from "./directory.ts";
import { type Make, moment, pick } from "./making.ts";

/** A usual value, moved a little and written with as many digits. */
function vary(value: string, n: number): string {
  const digits = value.split(".")[1]?.length ?? 0;
  return (Number(value) * (1 + ((n * 37) % 9) / 100)).toFixed(digits).replace(/\d$/, digits > 1 ? "0" : "$&");
}

const measured =
  (category: string, from: readonly Measured[]): Make =>
  (n, { subject, own }) => {
    const [code, display, unit, value] = pick(from, n);
    return {
      status: "final",
      category: [status("observation-category", category)],
      code: concept("loinc", [code, display]),
      subject,
      encounter: own("Encounter", n),
      effectiveDateTime: moment(n),
      performer: [refer.practitioner(n)],
      valueQuantity: quantity(unit, vary(value, n)),
    };
  };

const LAB = measured("laboratory", LABORATORY);
const VITAL_SIGN = measured("vital-signs", VITAL_SIGNS);

const bloodPressure: Make = (n, { subject }) => ({
  status: "final",
  category: [status("observation-category", "vital-signs")],
  code: concept("loinc", ["85354-9", "Blood pressure panel with all children optional"]),
  subject,
  effectiveDateTime: moment(n),
  component: [
    {
      code: concept("loinc", ["8480-6", "Systolic blood pressure"]),
      valueQuantity: quantity("mm[Hg]", `${118 + (n % 20)}`),
    },
    {
      code: concept("loinc", ["8462-4", "Diastolic blood pressure"]),
      valueQuantity: quantity("mm[Hg]", `${74 + (n % 12)}`),
    },
  ],
});

const smoking: Make = (n, { subject }) => ({
  status: "final",
  category: [status("observation-category", "social-history")],
  code: concept("loinc", ["72166-2", "Tobacco smoking status"]),
  subject,
  effectiveDateTime: moment(n),
  valueCodeableConcept: concept("snomed", ["266919005", "Never smoked tobacco"]),
});

const survey: Make = (n, { subject }) => ({
  status: "final",
  category: [status("observation-category", "survey")],
  code: concept("loinc", ["44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score"]),
  subject,
  effectiveDateTime: moment(n),
  valueQuantity: quantity("{score}", `${n % 10}`),
});

/** Of every ten observations five are of the laboratory, three vital signs; the rest is by turns. */
export const observation: Make = (n, person) => {
  const turn = n % 10;
  if (turn < 5) return LAB(n, person);
  if (turn < 8) return VITAL_SIGN(n, person);
  return turn === 8 ? bloodPressure(n, person) : pick([smoking, survey], Math.floor(n / 10))(n, person);
};
