/** The medicine that invented records are made of: codes from SNOMED CT, LOINC, RxNorm and CVX, and the FHIR shapes around them. */

const SYSTEMS = {
  snomed: "http://snomed.info/sct",
  loinc: "http://loinc.org",
  rxnorm: "http://www.nlm.nih.gov/research/umls/rxnorm",
  cvx: "http://hl7.org/fhir/sid/cvx",
};

/** A code and what it is called. */
export type Code = readonly [code: string, display: string];

/** What is measured: its code, its unit (UCUM), and a usual value as it is written, zeros at its end included. */
export type Measured = readonly [...Code, unit: string, value: string];

const codes = (lines: string): Code[] =>
  lines
    .trim()
    .split("\n")
    .map((line) => {
      const [code = "", display = ""] = line.trim().split("|");
      return [code, display];
    });

const measured = (lines: string): Measured[] =>
  lines
    .trim()
    .split("\n")
    .map((line) => {
      const [code = "", display = "", unit = "", value = ""] = line.trim().split("|");
      return [code, display, unit, value];
    });

export const CONDITIONS = codes(`
  38341003|Hypertensive disorder
  195967001|Asthma
  44054006|Type 2 diabetes mellitus
  55822004|Hyperlipidemia
  396275006|Osteoarthritis
  35489007|Depressive disorder
  235595009|Gastroesophageal reflux disease
  271737000|Anemia`);

export const ALLERGIES = codes(`
  91936005|Allergy to penicillin
  91935009|Allergy to peanut
  300916003|Latex allergy`);

export const MEDICATIONS = codes(`
  314076|lisinopril 10 MG Oral Tablet
  197361|amlodipine 5 MG Oral Tablet
  617310|atorvastatin 20 MG Oral Tablet
  310798|hydrochlorothiazide 25 MG Oral Tablet
  745679|albuterol 0.09 MG/ACTUAT Metered Dose Inhaler`);

export const PROCEDURES = codes(`
  80146002|Appendectomy
  73761001|Colonoscopy
  29303009|Electrocardiographic procedure`);

export const VACCINES = codes(`
  140|Influenza, seasonal, injectable, preservative free
  115|Tdap
  43|Hep B, adult
  33|pneumococcal polysaccharide PPV23`);

export const VISITS = codes(`
  185349003|Encounter for check up
  270427003|Patient-initiated encounter
  308335008|Patient encounter procedure`);

export const PANELS = codes(`
  24323-8|Comprehensive metabolic 2000 panel - Serum or Plasma
  58410-2|CBC panel - Blood by Automated count
  24331-1|Lipid 1996 panel - Serum or Plasma`);

export const NOTES = codes(`
  11506-3|Progress note
  18842-5|Discharge summary
  34117-2|History and physical note
  34133-9|Summarization of episode note`);

export const LABORATORY = measured(`
  2160-0|Creatinine [Mass/volume] in Serum or Plasma|mg/dL|1.10
  4548-4|Hemoglobin A1c/Hemoglobin.total in Blood|%|5.40
  2345-7|Glucose [Mass/volume] in Serum or Plasma|mg/dL|92.0
  2823-3|Potassium [Moles/volume] in Serum or Plasma|mmol/L|4.10
  718-7|Hemoglobin [Mass/volume] in Blood|g/dL|13.50
  2085-9|Cholesterol in HDL [Mass/volume] in Serum or Plasma|mg/dL|51.0
  3016-3|Thyrotropin [Units/volume] in Serum or Plasma|m[IU]/L|2.50`);

export const VITAL_SIGNS = measured(`
  8867-4|Heart rate|/min|68
  29463-7|Body weight|kg|71.50
  8302-2|Body height|cm|172.0
  8310-5|Body temperature|Cel|36.80
  9279-1|Respiratory rate|/min|14
  39156-5|Body mass index (BMI) [Ratio]|kg/m2|24.20`);

/** A FHIR R4 resource, as far as this server looks at one. */
export interface Resource {
  resourceType: string;
  id: string;
  [element: string]: unknown;
}

/** A concept of one coding. */
export const concept = (system: keyof typeof SYSTEMS, [code, display]: Code): object => ({
  coding: [{ system: SYSTEMS[system], code, display }],
  text: display,
});

/** A concept of one of HL7's own code systems. */
export const status = (system: string, code: string): object => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});

/** A number that keeps its zeros: `1.10` is written so, and not as `1.1`. @see FHIR R4, decimal */
export const decimal = (digits: string): string => `#${digits}`;

/** A resource as JSON text, its decimals as they were given. */
export const textOf = (resource: object): string => JSON.stringify(resource).replace(/"#(-?\d+(?:\.\d+)?)"/g, "$1");

/** A quantity in a unit of UCUM. */
export const quantity = (unit: string, value: string): object => ({
  value: decimal(value),
  unit,
  system: "http://unitsofmeasure.org",
  code: unit,
});
