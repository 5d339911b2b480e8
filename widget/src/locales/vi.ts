/** The words in Vietnamese: a line for each text of `ENGLISH`, in its order. */
export const WORDS = `vi
Tìm bệnh viện hoặc phòng khám của quý vị
Nhập tên, thành phố hoặc mã bưu chính.
Quý vị đăng nhập trên trang của bệnh viện. {app} nhận một bản sao hồ sơ của quý vị. Mật khẩu ở lại bệnh viện.
Ứng dụng này
Xóa
Đang tìm…
{count} kết quả
{count} kết quả
Xem {count} nơi của {name}
Quên các lựa chọn
{count} kết quả và còn nữa. Hãy gõ tiếp.
Không thấy “{query}”. Hãy xem lại hoặc thử tên thành phố.
Không có bệnh viện của tôi
Hãy thử tên trên hóa đơn, hoặc hỏi {app}.
Không tìm được. Hãy thử lại sau một phút.
Thử lại
Đang đến {name} để đăng nhập
Hủy
Chọn bệnh viện khác
Tải lại trang
Đã kết nối
{app} có thể lấy bản sao hồ sơ, có thể mất một lúc.
Kết nối bệnh viện khác
Đã kết nối {name}
Hồ sơ đang đến: {count}
Hồ sơ đã đến: {count}
Chưa có hồ sơ nào.
Còn thiếu: {kinds}.
Sửa
dị ứng
bệnh
báo cáo
ghi chú
tiêm chủng
thuốc
xét nghiệm
hồ sơ khác
Bệnh viện của quý vị
Cập nhật {date}
Kết nối lại {name}
Ngắt {name}
{app} sẽ không nhận hồ sơ từ {name} nữa.
Vâng, ngắt {name}
Giữ {name}
Đã kết nối
Chưa kết nối
Hết quyền truy cập
Chưa chia sẻ gì
Quý vị đã dừng trên trang của bệnh viện.
Đây là tài khoản khác
Hãy dùng tài khoản như lần trước.
Quý vị đã đăng xuất
Hãy đăng nhập lại {app}.
Người khác đang đăng nhập
Hãy đăng nhập lại {app}.
Bệnh viện này chưa dùng được
{app} không kết nối được lúc này.
Không có mạng
Hãy kiểm tra mạng.
Không kết nối được
Đăng nhập chưa xong. Chưa chia sẻ gì.
Liên kết đã hết hạn
Liên kết chỉ dùng một lúc.
Bắt đầu lại
Xin chờ một lúc
Có lỗi. Hãy thử lại sau một phút.
Mã hỗ trợ:
Sao chép
Đã sao chép
Tìm bệnh viện hoặc phòng khám của con quý vị
Hãy dùng tài khoản cho con. {app} nhận một bản sao hồ sơ. Mật khẩu ở lại bệnh viện.
Tìm bệnh viện hoặc phòng khám của người quý vị chăm sóc
Hãy dùng tài khoản cho người đó. {app} nhận một bản sao hồ sơ. Mật khẩu ở lại bệnh viện.`;
