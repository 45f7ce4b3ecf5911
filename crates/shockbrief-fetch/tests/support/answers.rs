//! Good answers of every provider in its documented shape, and its declaration. Values are public closes around
//! 27 January 2025, rounded, and figures made for the tests.

use flate2::{Compression, Crc, write::DeflateEncoder};
use shockbrief_core::config::DataKind;
use std::io::Write;

/// A provider under test.
pub struct Case {
    pub id: &'static str,
    pub data: DataKind,
    pub subject: &'static str,
    /// The declaration but for `id` and `url`; `$KEY` stands for the key's place.
    pub declaration: &'static str,
    pub good: fn() -> Vec<u8>,
    /// The good answer in another form: a key or column with another name.
    pub changed: fn() -> Vec<u8>,
    /// How it tells that the allowance is used up, with status 200.
    pub quota: Option<&'static str>,
    /// Rows of the good answer.
    pub rows: usize,
}

fn replace(good: fn() -> Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(good()).unwrap().replace(from, to).into_bytes()
}

pub const TIINGO: &str = r#"[
{"date":"2025-01-24T00:00:00.000Z","close":142.62,"high":148.97,"low":141.88,"open":148.37,"volume":234657596,"adjClose":142.587,"adjHigh":148.9,"adjLow":141.8,"adjOpen":148.3,"adjVolume":234657596,"divCash":0.0,"splitFactor":1.0},
{"date":"2025-01-27T00:00:00.000Z","close":"118.42","high":128.4,"low":116.7,"open":124.8,"volume":818830889,"adjClose":118.393,"adjHigh":128.3,"adjLow":116.6,"adjOpen":124.7,"adjVolume":818830889,"divCash":0.0,"splitFactor":1.0}]"#;

pub const ALPHA: &str = r#"{"Meta Data":{"1. Information":"Daily Time Series with Splits and Dividend Events","2. Symbol":"NVDA"},"Time Series (Daily)":{
"2025-01-27":{"1. open":"124.8000","2. high":"128.4000","3. low":"116.7000","4. close":"118.4200","5. adjusted close":"118.3930","6. volume":"818830889","7. dividend amount":"0.0000","8. split coefficient":"1.0"},
"2025-01-24":{"1. open":"148.3700","2. high":"148.9700","3. low":"141.8800","4. close":"142.6200","5. adjusted close":"142.5870","6. volume":"234657596","7. dividend amount":"0.0000","8. split coefficient":"1.0"}}}"#;

/// 24 and 27 January 14:30 UTC, a null row on the 28th, the live price of the 31st.
pub const YAHOO: &str = r#"{"chart":{"result":[{"meta":{"currency":"USD","symbol":"NVDA","exchangeTimezoneName":"America/New_York","regularMarketTime":1738339200},
"timestamp":[1737729000,1737988200,1738074600,1738333800],
"events":{"dividends":{"1737988200":{"amount":0.01,"date":1737988200}},"splits":{"1737988200":{"date":1737988200,"numerator":2.0,"denominator":1.0,"splitRatio":"2:1"}}},
"indicators":{"quote":[{"open":[74.2,62.4,null,60.0],"high":[74.5,64.2,null,61.0],"low":[70.9,58.4,null,59.0],"close":[71.31,59.21,null,60.5],"volume":[469315192,818830889,null,1000]}],
"adjclose":[{"adjclose":[71.3,59.2,null,60.5]}]}}],"error":null}}"#;

pub const STOOQ: &str = "Date,Open,High,Low,Close,Volume\r\n2025-01-24,148.37,148.97,141.88,142.587,234657596\r\n2025-01-27,124.8,128.4,116.7,118.393,818830889\r\n";

pub const PRICES_CSV: &str = "day;close_raw;total\n27.01.2025;118.42;118.39\n24.01.2025;142.62;.\n";

pub const MODELS: &str = r#"{"sample_spec":"not a model","gpt-4o":{"input_cost_per_token":0.0000025,"output_cost_per_token":"0.00001"},"deepseek-reasoner":{"input_cost_per_token":5.5e-7,"output_cost_per_token":null}}"#;

/// Year-to-date capital expenditure with a restatement, under two tags, and a share count.
pub const EDGAR: &str = r#"{"cik":1045810,"entityName":"NVIDIA CORP","facts":{"dei":{"EntityCommonStockSharesOutstanding":{"label":"x","units":{"shares":[
{"end":"2024-11-15","val":24490000000,"accn":"a-24-9","fy":2025,"fp":"Q3","form":"10-Q","filed":"2024-11-20"}]}}},
"us-gaap":{"PaymentsToAcquireProductiveAssets":{"label":"x","units":{"USD":[
{"start":"2024-01-29","end":"2024-04-28","val":369000000,"accn":"a-24-1","fy":2025,"fp":"Q1","form":"10-Q","filed":"2024-05-29"},
{"start":"2024-01-29","end":"2024-07-28","val":1346000000,"accn":"a-24-5","fy":2025,"fp":"Q2","form":"10-Q","filed":"2024-08-28"}]}},
"PaymentsToAcquirePropertyPlantAndEquipment":{"label":"x","units":{"USD":[
{"start":"2024-01-29","end":"2024-10-27","val":2159000000,"accn":"a-24-9","fy":2025,"fp":"Q3","form":"10-Q","filed":"2024-11-20"}]}}}}}"#;

pub const ECB: &str = "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,TITLE\n\
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2025-01-24,1.0516,A,\"US dollar/Euro, reference\"\n\
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2025-01-27,1.0480,A,\"US dollar/Euro, reference\"\n\
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2025-01-28,NaN,H,\"US dollar/Euro, reference\"\n";

pub const FRED: &str = r#"{"realtime_start":"1776-07-04","realtime_end":"9999-12-31","units":"lin","output_type":1,"file_type":"json","count":4,"offset":0,"limit":100000,"observations":[
{"realtime_start":"2025-01-27","realtime_end":"2025-01-28","date":"2025-01-24","value":"14.85"},
{"realtime_start":"2025-01-29","realtime_end":"9999-12-31","date":"2025-01-24","value":"14.86"},
{"realtime_start":"2025-01-28","realtime_end":"9999-12-31","date":"2025-01-27","value":"17.90"},
{"realtime_start":"2025-01-28","realtime_end":"9999-12-31","date":"2025-01-20","value":"."}]}"#;

pub const FRENCH: &str = "This file was created by CMPT_ME_BEME_RETS using the 202501 CRSP database.\r\n\
The 1-month TBill return is from ICE BofA.\r\n\r\n,Mkt-RF,SMB,HML,RF\r\n\
20250124,   -0.31,   -0.10,    0.04,   0.017\r\n20250127,   -1.59,  -99.99,    1.79,   0.017\r\n\r\n\
  Annual Factors: January-December\r\n,Mkt-RF,SMB,HML,RF\r\n2024,23.10,-8.20,-7.71,5.27\r\n\r\nCopyright 2025 Eugene F. Fama and Kenneth R. French\r\n";

/// A zip file with one deflated entry.
pub fn zip(name: &str, text: &str) -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    let (mut sizes, long) = (Vec::new(), |n: usize| u32::try_from(n).unwrap().to_le_bytes());
    sizes.extend(crc.sum().to_le_bytes());
    sizes.extend(long(packed.len()));
    sizes.extend(long(text.len()));
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let mut file = Vec::new();
    file.extend(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0");
    file.extend(&sizes);
    file.extend(length);
    file.extend([0, 0]);
    file.extend(name.as_bytes());
    file.extend(&packed);
    let directory = file.len();
    file.extend(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0");
    file.extend(&sizes);
    file.extend(length);
    file.extend([0; 16]);
    file.extend(name.as_bytes());
    let size = file.len() - directory;
    file.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    file.extend(long(size));
    file.extend(long(directory));
    file.extend([0, 0]);
    file
}

pub const CASES: &[Case] = &[
    Case {
        id: "tiingo",
        data: DataKind::Prices,
        subject: "NVDA",
        declaration: "kind: tiingo, data: prices, key: $KEY, pattern: \"{lower}\"",
        good: || TIINGO.into(),
        changed: || replace(|| TIINGO.into(), "adjClose", "adj_close"),
        quota: Some(
            r#"{"detail":"Error: You have run over your hourly request allocation. Your key is K3Y-1234567890."}"#,
        ),
        rows: 6,
    },
    Case {
        id: "alpha-vantage",
        data: DataKind::Prices,
        subject: "NVDA",
        declaration: "kind: alpha-vantage, data: prices, key: $KEY, pattern: \"{symbol}\"",
        good: || ALPHA.into(),
        changed: || replace(|| ALPHA.into(), "5. adjusted close", "5. adj close"),
        quota: Some(
            r#"{"Information":"We have detected your API key as K3Y-1234567890 and our standard API rate limit is 25 requests per day."}"#,
        ),
        rows: 6,
    },
    Case {
        id: "yahoo",
        data: DataKind::Prices,
        subject: "NVDA",
        declaration: "kind: yahoo-chart, data: prices, unofficial_accepted: true, pattern: \"{symbol}\"",
        good: || YAHOO.into(),
        changed: || replace(|| YAHOO.into(), "\"adjclose\":[{", "\"adj\":[{"),
        quota: Some(
            r#"{"finance":{"result":null,"error":{"code":"Too Many Requests","description":"Rate limited"}}}"#,
        ),
        rows: 10,
    },
    Case {
        id: "stooq",
        data: DataKind::Prices,
        subject: "NVDA",
        declaration: "kind: stooq, data: prices, key: $KEY, pattern: \"{lower}.us\"",
        good: || STOOQ.into(),
        changed: || replace(|| STOOQ.into(), "Close", "Kurs"),
        quota: Some("Exceeded the daily hits limit"),
        rows: 4,
    },
    Case {
        id: "vendor-csv",
        data: DataKind::Prices,
        subject: "NVDA",
        declaration: "kind: table, data: prices, key: $KEY, pattern: \"{symbol}\", mapping: {format: csv, delimiter: \";\", \
                      date: day, date_format: \"%d.%m.%Y\", values: {close_as_traded: close_raw, adj_close: total}}",
        good: || PRICES_CSV.into(),
        changed: || replace(|| PRICES_CSV.into(), "total", "tr"),
        quota: None,
        rows: 3,
    },
    Case {
        id: "model-prices",
        data: DataKind::Records,
        subject: "models",
        declaration: "kind: table, data: records, codes: {models: models}, mapping: {format: json, symbol: $key, unit: USD, \
                      values: {input: input_cost_per_token, output: output_cost_per_token}, scale: {input: 1e6, output: 1e6}}",
        good: || MODELS.into(),
        changed: || br#"["gpt-4o"]"#.to_vec(),
        quota: None,
        rows: 3,
    },
    Case {
        id: "edgar",
        data: DataKind::Filings,
        subject: "NVDA",
        declaration: "kind: edgar, data: filings, codes: {NVDA: \"1045810\"}, concepts: [\
                      {field: capex, taxonomy: us-gaap, tags: [PaymentsToAcquirePropertyPlantAndEquipment, PaymentsToAcquireProductiveAssets], unit: USD}, \
                      {field: shares, taxonomy: dei, tags: [EntityCommonStockSharesOutstanding], measure: stock, unit: shares}]",
        good: || EDGAR.into(),
        changed: || replace(|| EDGAR.into(), "\"val\"", "\"value\""),
        quota: None,
        rows: 7,
    },
    Case {
        id: "french",
        data: DataKind::Factors,
        subject: "factors",
        declaration: "kind: french, data: factors, codes: {factors: F-F_Research_Data_Factors_daily}, \
                      columns: {mkt_rf: Mkt-RF, smb: SMB, hml: HML, rf: RF}",
        good: || zip("F-F_Research_Data_Factors_daily.csv", FRENCH),
        changed: || zip("F-F_Research_Data_Factors_daily.csv", &FRENCH.replace("SMB", "Size")),
        quota: None,
        rows: 7,
    },
    Case {
        id: "ecb",
        data: DataKind::Fx,
        subject: "EURUSD",
        declaration: "kind: ecb, data: fx, codes: {EURUSD: USD}",
        good: || ECB.into(),
        changed: || replace(|| ECB.into(), "OBS_VALUE", "VALUE"),
        quota: None,
        rows: 2,
    },
    Case {
        id: "fred",
        data: DataKind::Macro,
        subject: "VIX",
        declaration: "kind: fred, data: macro, key: $KEY, codes: {VIX: VIXCLS}, unit: points",
        good: || FRED.into(),
        changed: || replace(|| FRED.into(), "\"observations\"", "\"obs\""),
        quota: Some(r#"{"error_code":429,"error_message":"Too Many Requests.  Exceeded Rate Limit"}"#),
        rows: 3,
    },
];
